//! The part of `curl_opts` that is understood natively.
//!
//! `AutoPkg` hands these arguments to the curl program as they are. What recipes in public use is done here by the
//! same meaning; anything else is refused by name, because a silently dropped option fetches something else.
//!
//! # Source
//! curl(1) 8.

use std::{collections::VecDeque, fmt::Write as _, time::Duration};

use bytes::Bytes;
use redact::SafeUrl;
use reqwest::{Method, header};

use crate::{FetchError, Request};

/// What the fetcher does anyway.
const ANYWAY: [&str; 21] = [
    "-#",
    "--compressed",
    "--create-dirs",
    "-f",
    "--fail",
    "--fail-with-body",
    "-g",
    "--globoff",
    "--http2",
    "-L",
    "--location",
    "-N",
    "--no-buffer",
    "--no-progress-meter",
    "--progress-bar",
    "--retry-all-errors",
    "--retry-connrefused",
    "-s",
    "-S",
    "--show-error",
    "--silent",
];
/// What the fetcher has its own measure for; each takes a value.
const MEASURED: [&str; 8] = [
    "--connect-timeout",
    "--retry",
    "--retry-delay",
    "--retry-max-time",
    "--speed-limit",
    "--speed-time",
    "-Y",
    "-y",
];

/// Does what `options` say to `request`.
pub(crate) fn apply(mut request: Request, options: &[String]) -> Result<Request, FetchError> {
    let mut data: Vec<String> = Vec::new();
    let mut form: Vec<String> = Vec::new();
    let mut method: Option<Method> = None;
    let mut as_query = false;
    let mut rest: VecDeque<String> = options.iter().cloned().collect();
    while let Some(written) = rest.pop_front() {
        let flags = flags_apart(&written);
        if !flags.is_empty() {
            flags
                .into_iter()
                .rev()
                .for_each(|flag| rest.push_front(flag));
            continue;
        }
        let (option, attached) = split(&written);
        let mut value = || -> Result<String, FetchError> {
            attached
                .map(str::to_owned)
                .or_else(|| rest.pop_front())
                .ok_or_else(|| refused(option, "needs a value"))
        };
        match option {
            "-A" | "--user-agent" => {
                request = request.with_header("User-Agent", &value()?)?;
            }
            "-e" | "--referer" => request = request.with_header("Referer", &value()?)?,
            "-H" | "--header" => request = with_header_line(request, &value()?)?,
            "-u" | "--user" => request = with_user(request, option, &value()?)?,
            "-b" | "--cookie" => request = with_cookie(request, &value()?)?,
            "-d" | "--data" | "--data-ascii" | "--data-raw" | "--data-binary" => {
                data.push(data_of(option, value()?)?);
            }
            "-F" | "--form" => form.push(value()?),
            "-X" | "--request" => method = Some(method_of(option, &value()?)?),
            "-I" | "--head" => method = Some(Method::HEAD),
            "-G" | "--get" => as_query = true,
            "-m" | "--max-time" => request.max_time = Some(seconds(option, &value()?)?),
            "--http1.1" | "-0" | "--http1.0" => request.http1_only = true,
            "--url" => return Err(refused(option, "would fetch another address than `url`")),
            "-k" | "--insecure" => {
                return Err(refused(
                    option,
                    "would accept any server and is never obeyed",
                ));
            }
            anyway if ANYWAY.contains(&anyway) => {}
            measured if MEASURED.contains(&measured) => {
                value()?;
            }
            other => return Err(unknown(other)),
        }
    }
    finish(request, (&data, &form), method, as_query)
}

/// `-fsSL` is `-f -s -S -L`, and `-sSA Name` is `-s -S -A Name`: the first letter that is no flag has what follows it as
/// its value. Nothing if the word is no such thing.
fn flags_apart(word: &str) -> Vec<String> {
    const FLAGS: &str = "0#GILNSfgks";
    let letters = word.strip_prefix('-');
    let Some(letters) = letters.filter(|letters| letters.len() > 1) else {
        return Vec::new();
    };
    let rest = letters.trim_start_matches(|letter: char| FLAGS.contains(letter));
    let flags = letters.strip_suffix(rest).unwrap_or_default().chars();
    let mut apart: Vec<String> = flags.map(|letter| format!("-{letter}")).collect();
    if !apart.is_empty() && !rest.is_empty() {
        apart.push(format!("-{rest}"));
    }
    apart
}

/// Fields of a form, `name=value`, as `multipart/form-data`.
///
/// # Source
/// RFC 7578.
fn with_form(mut request: Request, fields: &[String]) -> Result<Request, FetchError> {
    let mut boundary = "auto-update-form".to_owned();
    while fields.iter().any(|field| field.contains(&boundary)) {
        boundary.push('-');
    }
    let mut body = String::new();
    for field in fields {
        let (name, value) = field
            .split_once('=')
            .ok_or_else(|| refused("--form", "needs `name=value`"))?;
        if value.starts_with(['@', '<']) {
            return Err(refused(
                "--form",
                "is only understood with values in it, not with a file",
            ));
        }
        if value.contains(';') || name.contains(['"', '\r', '\n']) {
            return Err(refused(
                "--form",
                "is only understood with plain names and values",
            ));
        }
        // Writing to a String cannot fail.
        write!(
            body,
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
        .unwrap_or_default();
    }
    write!(body, "--{boundary}--\r\n").unwrap_or_default();
    request = request.with_header(
        "Content-Type",
        &format!("multipart/form-data; boundary={boundary}"),
    )?;
    request.method = Method::POST;
    request.body = Some(Bytes::from(body));
    Ok(request)
}

fn finish(
    mut request: Request,
    (data, form): (&[String], &[String]),
    method: Option<Method>,
    as_query: bool,
) -> Result<Request, FetchError> {
    if !form.is_empty() {
        if !data.is_empty() {
            return Err(refused("--form", "cannot be sent together with `--data`"));
        }
        request = with_form(request, form)?;
    }
    if !data.is_empty() {
        let joined = data.join("&");
        if as_query {
            let query = request.url.query().map(|query| format!("{query}&{joined}"));
            request.url.set_query(Some(&query.unwrap_or(joined)));
        } else {
            request.method = Method::POST;
            if !request.headers.contains_key(header::CONTENT_TYPE) {
                request =
                    request.with_header("Content-Type", "application/x-www-form-urlencoded")?;
            }
            request.body = Some(Bytes::from(joined));
        }
    }
    if let Some(method) = method {
        request.method = method;
    }
    tracing::trace!(url = %SafeUrl::of(&request.url), "curl options applied");
    Ok(request)
}

/// `--name=value` is no form of curl's; `-Xvalue` is.
fn split(written: &str) -> (&str, Option<&str>) {
    if written.starts_with("--") || !written.starts_with('-') {
        return (written, None);
    }
    match written.char_indices().nth(2) {
        Some((at, _)) => written
            .split_at_checked(at)
            .map_or((written, None), |(option, value)| (option, Some(value))),
        None => (written, None),
    }
}

/// `Name: value`; `Name;` sends an empty header, `Name:` removes one.
fn with_header_line(mut request: Request, line: &str) -> Result<Request, FetchError> {
    match line.split_once(':') {
        Some((name, value)) if value.trim().is_empty() => {
            request.headers.remove(name.trim());
            Ok(request)
        }
        Some((name, value)) => request.with_header(name, value),
        None => match line.strip_suffix(';') {
            Some(name) => request.with_header(name, ""),
            None => Err(refused("--header", "needs `Name: value`")),
        },
    }
}

/// curl takes a value without `=` as the name of a file of cookies.
fn with_cookie(request: Request, value: &str) -> Result<Request, FetchError> {
    if !value.contains('=') {
        return Err(refused(
            "--cookie",
            "is only understood with cookies in it, not with a file",
        ));
    }
    request.with_header("Cookie", value)
}

/// Name and password, of which no message tells; a header that is given as such wins, as with curl.
///
/// # Source
/// RFC 7617 §2.
fn with_user(request: Request, option: &str, user: &str) -> Result<Request, FetchError> {
    use base64::Engine as _;
    if !user.contains(':') {
        return Err(refused(option, "needs `name:password`"));
    }
    if request.headers.contains_key(header::AUTHORIZATION) {
        return Ok(request);
    }
    let encoded = base64::engine::general_purpose::STANDARD.encode(user);
    request.with_header("Authorization", &format!("Basic {encoded}"))
}

fn data_of(option: &str, value: String) -> Result<String, FetchError> {
    if value.starts_with('@') && option != "--data-raw" {
        return Err(refused(
            option,
            "is only understood with data in it, not with a file",
        ));
    }
    Ok(value)
}

fn method_of(option: &str, value: &str) -> Result<Method, FetchError> {
    Method::from_bytes(value.as_bytes()).map_err(|_invalid| refused(option, "names no method"))
}

fn seconds(option: &str, value: &str) -> Result<Duration, FetchError> {
    value
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|limit| !limit.is_zero())
        .ok_or_else(|| refused(option, "needs a number of seconds"))
}

/// What follows a `=` is no part of the option's name, and could be a secret.
fn unknown(option: &str) -> FetchError {
    let name = option.split('=').next().unwrap_or(option);
    refused(name, "is not understood")
}

fn refused(option: &str, why: &'static str) -> FetchError {
    FetchError::Option {
        option: option.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(options: &[&str]) -> Result<Request, FetchError> {
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        Request::get("https://vendor.example/x?a=1")?.with_curl_options(&options)
    }

    #[test]
    fn does_what_recipes_ask_for() {
        let request = applied(&[
            "--user-agent",
            "Mozilla/5.0",
            "-e",
            "https://vendor.example/",
            "-HAccept: text/html",
            "--cookie",
            "eula=yes",
            "--compressed",
            "-L",
            "--max-time",
            "12.5",
            "--http1.1",
        ])
        .unwrap();
        assert_eq!(request.headers["user-agent"], "Mozilla/5.0");
        assert_eq!(request.headers["referer"], "https://vendor.example/");
        assert_eq!(request.headers["accept"], "text/html");
        assert_eq!(request.headers["cookie"], "eula=yes");
        assert_eq!(request.max_time, Some(Duration::from_millis(12_500)));
        assert!(request.http1_only);
        assert_eq!(request.method, Method::GET);
    }

    #[test]
    fn data_makes_a_form_unless_told_otherwise() {
        let form = applied(&["-d", "a=1", "--data", "b=2"]).unwrap();
        assert_eq!(
            (form.method, form.body),
            (Method::POST, Some(Bytes::from("a=1&b=2")))
        );
        let put = applied(&[
            "--data",
            "{}",
            "-X",
            "PUT",
            "-H",
            "Content-Type: application/json",
        ]);
        let put = put.unwrap();
        assert_eq!(put.method, Method::PUT);
        assert_eq!(put.headers["content-type"], "application/json");
        let query = applied(&["-G", "-d", "b=2"]).unwrap();
        assert_eq!(query.url.query(), Some("a=1&b=2"));
    }

    #[test]
    fn a_form_is_sent_in_parts() {
        let form = applied(&["-fsSL", "-F", "a=1", "--form", "b=auto-update-form"]).unwrap();
        let boundary = "auto-update-form-";
        assert_eq!(form.method, Method::POST);
        assert_eq!(
            form.headers["content-type"],
            format!("multipart/form-data; boundary={boundary}")
        );
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\nauto-update-form\r\n\
             --{boundary}--\r\n"
        );
        assert_eq!(form.body, Some(Bytes::from(body)));
        let named = applied(&["-A", "-sS", "-fsSL"]).unwrap();
        assert_eq!(named.headers["user-agent"], "-sS");
        let patient = applied(&["--connect-timeout", "5", "--retry", "3", "-#"]).unwrap();
        assert_eq!((patient.method, patient.body), (Method::GET, None));
    }

    #[test]
    fn letters_in_one_word_end_with_one_that_has_a_value() {
        for options in [
            &["-sSLA", "Mozilla/5.0"][..],
            &["-sSLAMozilla/5.0"],
            &["-AMozilla/5.0", "-sSL"],
        ] {
            let named = applied(options).unwrap();
            assert_eq!(named.headers["user-agent"], "Mozilla/5.0", "{options:?}");
        }
        let put = applied(&["-sXPUT", "-sdGIL", "--create-dirs", "--fail-with-body"]).unwrap();
        assert_eq!(
            (put.method, put.body),
            (Method::PUT, Some(Bytes::from("GIL")))
        );
    }

    #[test]
    fn who_asks_is_told_to_the_server_only() {
        for options in [&["-u", "ann:s3cret"][..], &["-sSuann:s3cret"]] {
            let named = applied(options).unwrap();
            assert_eq!(named.headers["authorization"], "Basic YW5uOnMzY3JldA==");
            assert!(!format!("{named:?}").contains("YW5u"));
        }
        let given = applied(&["-H", "Authorization: Bearer x", "-u", "a:b"]).unwrap();
        assert_eq!(given.headers["authorization"], "Bearer x");
        for wrong in [&["--user=ann:s3cret"][..], &["-u", "s3cret"], &["-us3cret"]] {
            let error = applied(wrong).unwrap_err().to_string();
            assert!(error.contains("-u") && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (options, named) in [
            (&["-k"][..], "-k"),
            (&["--insecure"], "--insecure"),
            (&["--frobnicate"], "--frobnicate"),
            (&["-F", "a=@b"], "--form"),
            (&["-F", "a"], "--form"),
            (&["-F", "a=b", "-d", "c=d"], "--form"),
            (&["-fk"], "-k"),
            (&["-fsSLo", "x"], "-o"),
            (&["-sqk"], "-q"),
            (&["-sSA"], "-A"),
            (&["--cookie", "jar.txt"], "--cookie"),
            (&["-d", "@/etc/passwd"], "-d"),
            (&["--user-agent"], "--user-agent"),
            (&["--max-time", "soon"], "--max-time"),
            (&["--url", "https://other.example/"], "--url"),
        ] {
            match applied(options) {
                Err(FetchError::Option { option, .. }) => assert_eq!(option, named),
                other => panic!("{options:?}: {other:?}"),
            }
        }
    }
}
