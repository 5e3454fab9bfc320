//! The server's configuration.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{OWN, PASSWORDS, VIEWS};

/// How pods are served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Site {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its name, as Macs know it.
    pub host: String,
    /// The certificate and those above it, in PEM.
    pub certificate: PathBuf,
    /// What is in that file, if that is known: the server has to be told to read it again.
    pub certificate_digest: Option<String>,
    /// The certificate's key, in PEM.
    pub key: PathBuf,
    /// The folder that it serves.
    pub folder: PathBuf,
    /// Where requests are logged; nowhere if not given.
    pub log: Option<PathBuf>,
}

/// A tenant's view.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pod {
    /// Its name in addresses.
    pub slug: String,
    /// The name of the folder of what is in it.
    pub view: String,
}

/// Why there can be no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiteError {
    /// NGINX could take it for something else.
    #[error("`{given}` cannot be written into a configuration of NGINX")]
    Unwritable {
        /// The text, control characters escaped.
        given: String,
    },
}

/// What a request must look like to get anything but the challenge: read only, and a path that is meant as it is
/// written. NGINX resolves `..` and decodes before it looks for a location, so this looks at what was sent.
const SOUND: &str = concat!(
    r"~^(?:GET|HEAD):/[A-Za-z0-9]+/",
    r"(?:catalogs|client_resources|evidence|icons|manifests|pkgs|tuf)",
    r"(?:/(?!\.|%2[Ee])(?:[^/%\\?#\x00-\x1f\x7f]|%(?!0|1|2[Ff]|5[Cc]|7[Ff])[0-9A-Fa-f][0-9A-Fa-f])+)+",
    r"(?:\?.*)?$"
);

/// What is logged of a request: neither what follows `?` nor any header nor the user.
const LOG_FORMAT: &str = r#"'{"time":"$time_iso8601","address":"$remote_addr","method":"$request_method","path":"$uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time}'"#;

/// How each site is set up, between who it is and which pods it has.
const RULES: &str = r#"    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:auto_update_pods:10m;
    ssl_session_tickets off;

    server_tokens off;
    # A path is what was written.
    merge_slashes off;
    client_max_body_size 1k;
    keepalive_timeout 75s;
    sendfile on;
    tcp_nopush on;
    max_ranges 1;
    if_modified_since before;
    types { }
    default_type application/octet-stream;
    add_header Cache-Control "private, no-cache" always;
    add_header X-Content-Type-Options nosniff always;

    auth_basic "pod";
    error_page 301 403 404 =404 @nothing;
    location @nothing {
        auth_basic off;
        return 404;
    }
"#;

/// The configuration of a site with these pods, to be included in the `http` block of the server's own.
///
/// # Errors
/// If a path, the name or a slug could be taken for something else.
pub fn configuration(site: &Site, pods: &[Pod]) -> Result<String, SiteError> {
    let folder = quotable(&site.folder)?;
    let mut text = String::from("# Written by auto-update: what is changed here is lost.\n");
    add(&mut text, &map());
    if site.log.is_some() {
        let format = format!("log_format auto_update_pods escape=json {LOG_FORMAT};\n");
        add(&mut text, &format);
    }
    add(&mut text, "server {\n");
    add(&mut text, &head(site, folder)?);
    add(&mut text, RULES);
    let unknown = format!(
        "    # Whoever has no pod here meets the same challenge, which no credential answers.\n    \
         auth_basic_user_file \"{folder}/{PASSWORDS}/.nobody\";\n    \
         location / {{\n        root \"{folder}/nothing\";\n    }}\n"
    );
    add(&mut text, &unknown);
    for pod in pods {
        add(&mut text, &location(folder, pod)?);
    }
    add(&mut text, "}\n");
    Ok(text)
}

/// Writing to a text does not fail.
fn add(text: &mut String, more: &str) {
    text.write_str(more).unwrap_or_default();
}

/// Where what is looked for lies: nowhere, unless the request is sound.
fn map() -> String {
    format!(
        "map \"$request_method:$request_uri\" $auto_update_sound {{\n    default \"nothing\";\n    \
         \"{}\" \".\";\n}}\n",
        SOUND.replace('\\', r"\\")
    )
}

fn head(site: &Site, folder: &str) -> Result<String, SiteError> {
    let (certificate, key) = (quotable(&site.certificate)?, quotable(&site.key)?);
    let (listen, host) = (site.listen, host(&site.host)?);
    let digest = site.certificate_digest.as_deref().unwrap_or("not known");
    let log = match &site.log {
        Some(log) => format!("\"{}\" auto_update_pods", quotable(log)?),
        None => "off".to_owned(),
    };
    Ok(format!(
        "    listen {listen} ssl;\n    server_name {host};\n    \
         # SHA-256: {digest}\n    \
         ssl_certificate \"{certificate}\";\n    ssl_certificate_key \"{key}\";\n    \
         access_log {log};\n    \
         # Below this it would name users who failed.\n    \
         error_log \"{folder}/error.log\" crit;\n    \
         disable_symlinks on from=\"{folder}\";\n"
    ))
}

fn location(folder: &str, pod: &Pod) -> Result<String, SiteError> {
    let (slug, view) = (word(&pod.slug)?, word(&pod.view)?);
    Ok(format!(
        "    location ^~ /{slug}/ {{\n        \
         auth_basic_user_file \"{folder}/{PASSWORDS}/{slug}\";\n        \
         alias \"{folder}/$auto_update_sound/{VIEWS}/{view}/\";\n        \
         location ^~ /{slug}/manifests/ {{\n            \
         alias \"{folder}/$auto_update_sound/{OWN}/{slug}/\";\n        }}\n    }}\n"
    ))
}

fn refused(given: &str) -> SiteError {
    SiteError::Unwritable {
        given: given.escape_debug().to_string(),
    }
}

/// A path that means the same between quotation marks.
fn quotable(path: &Path) -> Result<&str, SiteError> {
    let text = path
        .to_str()
        .ok_or_else(|| refused(&path.to_string_lossy()))?;
    let is_plain = !text.contains(['"', '\\', '$']) && !text.chars().any(char::is_control);
    is_plain.then_some(text).ok_or_else(|| refused(text))
}

fn host(name: &str) -> Result<&str, SiteError> {
    let is_host = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    is_host.then_some(name).ok_or_else(|| refused(name))
}

fn word(name: &str) -> Result<&str, SiteError> {
    let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then_some(name).ok_or_else(|| refused(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site {
            listen: SocketAddr::from(([0, 0, 0, 0], 443)),
            host: "pods.example.com".to_owned(),
            certificate: "/etc/tls/pods.pem".into(),
            certificate_digest: None,
            key: "/etc/tls/pods key.pem".into(),
            folder: "/srv/pods".into(),
            log: Some("/var/log/pods.log".into()),
        }
    }

    fn pod(slug: &str) -> Pod {
        Pod {
            slug: slug.to_owned(),
            view: "abc".to_owned(),
        }
    }

    #[test]
    fn each_pod_has_its_place_and_its_passwords() {
        let text = configuration(&site(), &[pod("Acme1"), pod("Beta2")]).unwrap();
        for told in [
            "listen 0.0.0.0:443 ssl;",
            "server_name pods.example.com;",
            "ssl_certificate_key \"/etc/tls/pods key.pem\";",
            "location ^~ /Acme1/ {",
            "auth_basic_user_file \"/srv/pods/passwords/Beta2\";",
            "access_log \"/var/log/pods.log\" auto_update_pods;",
        ] {
            assert!(text.contains(told), "{told}\n{text}");
        }
        let opened = text.matches('{').count();
        assert_eq!(opened, text.matches('}').count(), "{text}");
    }

    #[test]
    fn no_variable_that_is_logged_tells_who_it_is() {
        for told in [
            "user",
            "http_",
            "args",
            "request_uri",
            "query",
            "$request\"",
        ] {
            assert!(!LOG_FORMAT.contains(told), "{told}");
        }
        let silent = Site {
            log: None,
            ..site()
        };
        let text = configuration(&silent, &[]).unwrap();
        assert!(text.contains("access_log off;") && !text.contains("log_format"));
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_refused() {
        for path in ["/a\"b", "/a$b", "/a\\b", "/a\nb"] {
            let mut with_key = site();
            with_key.key = path.into();
            let mut with_folder = site();
            with_folder.folder = path.into();
            for site in [with_key, with_folder] {
                configuration(&site, &[]).unwrap_err();
            }
        }
        for name in ["", "a b", "a;", "{", "a/b"] {
            let mut site = site();
            site.host = name.to_owned();
            configuration(&site, &[]).unwrap_err();
            configuration(&self::site(), &[pod(name)]).unwrap_err();
        }
    }
}
