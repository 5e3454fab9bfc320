//! What steps that ask a server have in common.

use fetch::{FetchError, PlainHttp, Request};
use model::FailureClass;
use proplist::{Dict, str_form};

use crate::{Env, Input, StepContext, StepError, variables};

/// The inputs that every such step understands.
pub(crate) fn inputs() -> Vec<Input> {
    vec![
        Input::optional("request_headers"),
        Input::optional("curl_opts"),
        Input::optional("CURL_PATH"),
    ]
}

/// A request for `url` with the headers and options of the recipe.
pub(crate) fn request(context: &StepContext, env: &Env, url: &str) -> Result<Request, StepError> {
    let headers = variables::dict(env, "request_headers")?;
    request_with(context, env, url, &headers)
}

/// As [`request`], with other headers.
pub(crate) fn request_with(
    context: &StepContext,
    env: &Env,
    url: &str,
    headers: &Dict,
) -> Result<Request, StepError> {
    let mut request = Request::get(url).map_err(failure)?;
    for (name, value) in headers {
        request = request
            .with_header(name, &str_form(value))
            .map_err(failure)?;
    }
    let options = variables::texts(env, "curl_opts")?;
    let request = request.with_curl_options(&options).map_err(failure)?;
    Ok(allow_plain_http(context, request))
}

/// Plain `http` is asked only if the plan would notice another file, and is never silent.
pub(crate) fn allow_plain_http(context: &StepContext, request: Request) -> Request {
    let Some(pin) = context.pin.filter(|_| request.is_plain_http()) else {
        return request;
    };
    context.messages.warn(&format!(
        "{} is not encrypted; the recipe relies on the {pin} that it pins",
        request.shown()
    ));
    request.with_plain_http(if context.from_sandbox {
        PlainHttp::PinnedInside(pin)
    } else {
        PlainHttp::Pinned(pin)
    })
}

/// The failure of a step, in curl's words where recipes' authors know them.
pub(crate) fn failure(error: FetchError) -> StepError {
    let mut text = error.curl_text();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    let failure = StepError::new(error.class(), text);
    let failure = match &error {
        FetchError::PlainHttp { .. } => failure.with_next_step(
            "Use an https address, or pin the signer with a CodeSignatureVerifier step.",
        ),
        FetchError::PlainHttpInside { .. } => failure.with_next_step(
            "Use an https address, or name the host in `fetch.plain-http-hosts` of the configuration.",
        ),
        FetchError::Option { .. } => {
            failure.with_next_step("Remove the option from `curl_opts`, or use `request_headers`.")
        }
        FetchError::Status { status: 404 | 410, .. } => failure.with_next_step(
            "The vendor moved or withdrew the file: look at the vendor's download page and correct the recipe.",
        ),
        FetchError::RateLimited { renewal, .. } => failure.with_next_step(format!(
            "Nothing: what the server lets us ask is spent {renewal}, and a run after that goes on. If it is spent \
             again and again, run the titles of this server less often, or give it a token."
        )),
        _ => failure,
    };
    failure.caused_by(error)
}

/// A page that no longer has what the recipe looks for.
pub(crate) fn source_changed(text: impl Into<String>) -> StepError {
    StepError::new(FailureClass::SourceChanged, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_reads_as_curl_says_it() {
        let error = FetchError::Status {
            url: redact::SafeUrl::of_text("https://vendor.example/x"),
            status: 404,
            retry_after: None,
        };
        let failure = failure(error);
        assert_eq!(
            failure.to_string(),
            "curl: (22) The requested URL returned error: 404"
        );
        assert_eq!(failure.class, FailureClass::Download);
        assert!(failure.next_step.is_some());
    }
}
