use model::{DeliveryId, FailureClass, IncidentId, Timestamp};
use store::{Delivery, DeliveryState, Incident};

use super::*;
use crate::{
    Notice,
    config::Clocks,
    rules::{self, Facts, Terms},
};

const OPENED: Timestamp = Timestamp::from_secs(1_764_016_320);

fn opened() -> Incident {
    let facts = Facts {
        key: store::IncidentKey {
            scope: "house".to_owned(),
            title: "Firefox.munki".parse().unwrap(),
            class: FailureClass::CodeSignature,
        },
        cause: "the seal of Firefox.app/Contents/MacOS/firefox is broken".to_owned(),
        next_step: crate::advice(FailureClass::CodeSignature).to_owned(),
        run: None,
        step: Some("CodeSignatureVerifier".to_owned()),
        excerpt: "CodeSignatureVerifier\n<Firefox.app>: a sealed resource is missing or invalid"
            .to_owned(),
    };
    let terms = Terms {
        priority: model::Priority::P1,
        clocks: Clocks::of(model::Priority::P1),
        calendar: std::sync::Arc::default(),
        reopen_within: Duration::from_hours(24),
    };
    let (incident, _) = rules::raise(None, &facts, &terms, OPENED).unwrap();
    let id: IncidentId = "01936000-0000-7000-8000-000000000001".parse().unwrap();
    Incident { id, ..incident }
}

/// The mail of the event of this place in the history, as it goes out.
fn mail(incident: &Incident, kind: EventKind, sequence: u32) -> String {
    let happened_at = incident.resolved_at.unwrap_or(incident.last_seen_at);
    let delivery = Delivery {
        id: "01936000-0000-7000-8000-00000000000d"
            .parse::<DeliveryId>()
            .unwrap(),
        incident: incident.id,
        sequence,
        kind,
        happened_at,
        payload: serde_json::to_value(Notice::of(incident, kind, happened_at)).unwrap(),
        connector: "mail".to_owned(),
        state: DeliveryState::Pending,
        attempts: 1,
        created_at: happened_at,
        due_at: happened_at,
        delivered_at: None,
        last_error: None,
    };
    let attempt = Attempt {
        delivery,
        at: happened_at,
        ticket: None,
    };
    let from = "Auto-Update <au@example.org>".parse().unwrap();
    let to = ["desk@example.org".parse().unwrap()];
    let message = compose(&from, &to, &attempt).unwrap();
    String::from_utf8(message.formatted())
        .unwrap()
        .replace("\r\n", "\n")
}

#[test]
fn the_first_mail_names_the_thread_and_says_everything() {
    let mail = mail(&opened(), EventKind::Opened, 1);
    let (head_and_text, html) = mail.split_once("Content-Type: text/html").unwrap();
    assert!(html.contains("&lt;Firefox.app&gt;"));
    insta::assert_snapshot!(head_and_text, @r##"
From: Auto-Update <au@example.org>
Date: Mon, 24 Nov 2025 20:32:00 +0000
Auto-Submitted: auto-generated
To: desk@example.org
Message-ID: <01936000-0000-7000-8000-000000000001@example.org>
Subject: [P1] Firefox.munki: code signature is missing, broken or not the
 expected one
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="auto-update-01936000-0000-7000-8000-00000000000d"

--auto-update-01936000-0000-7000-8000-00000000000d
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Firefox.munki was stopped: code signature is missing, broken or not the exp=
ected one.

What happened
    the seal of Firefox.app/Contents/MacOS/firefox is broken

What to do
    Do not use the download. Fetch it again over another network, and ask t=
he vendor if the signature is still wrong.

Priority    P1
Respond by  2025-11-24T20:47:00Z
Resolve by  2025-11-25T00:32:00Z
Seen        2025-11-24T20:32:00Z
Step        CodeSignatureVerifier
Incident    01936000-0000-7000-8000-000000000001

End of the log
    CodeSignatureVerifier
    <Firefox.app>: a sealed resource is missing or invalid

--auto-update-01936000-0000-7000-8000-00000000000d
"##);
}

#[test]
fn later_mails_belong_to_the_thread_of_the_first() {
    let now = OPENED.plus(Duration::from_hours(2));
    let (resolved, _) =
        rules::resolve(&opened(), "Run 7 of Firefox.munki succeeded.", now).unwrap();
    insta::assert_snapshot!(mail(&resolved, EventKind::Resolved, 2), @r##"
From: Auto-Update <au@example.org>
Date: Mon, 24 Nov 2025 22:32:00 +0000
Auto-Submitted: auto-generated
To: desk@example.org
Message-ID: <01936000-0000-7000-8000-000000000001.2@example.org>
In-Reply-To: <01936000-0000-7000-8000-000000000001@example.org>
References: <01936000-0000-7000-8000-000000000001@example.org>
Subject: Re: [P1] Firefox.munki: code signature is missing, broken or not
 the expected one
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="auto-update-01936000-0000-7000-8000-00000000000d"

--auto-update-01936000-0000-7000-8000-00000000000d
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit

Resolved: Run 7 of Firefox.munki succeeded.

What happened
    the seal of Firefox.app/Contents/MacOS/firefox is broken

Priority    P1
Resolved at 2025-11-24T22:32:00Z
Seen        2025-11-24T20:32:00Z
Step        CodeSignatureVerifier
Incident    01936000-0000-7000-8000-000000000001

End of the log
    CodeSignatureVerifier
    <Firefox.app>: a sealed resource is missing or invalid

--auto-update-01936000-0000-7000-8000-00000000000d
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<!doctype html>
<html lang=3D"en"><head><meta charset=3D"utf-8"><title>[P1] Firefox.munki: =
code signature is missing, broken or not the expected one</title></head>
<body style=3D"font-family:sans-serif;max-width:45em">
<p><strong>Resolved: Run 7 of Firefox.munki succeeded.</strong></p>
<h3>What happened</h3>
<p>the seal of Firefox.app/Contents/MacOS/firefox is broken</p>
<table>
<tr><th style=3D"text-align:left;padding-right:1em">Priority</th><td>P1</td=
></tr>
<tr><th style=3D"text-align:left;padding-right:1em">Resolved at</th><td>202=
5-11-24T22:32:00Z</td></tr>
<tr><th style=3D"text-align:left;padding-right:1em">Seen</th><td>2025-11-24=
T20:32:00Z</td></tr>
<tr><th style=3D"text-align:left;padding-right:1em">Step</th><td>CodeSignat=
ureVerifier</td></tr>
<tr><th style=3D"text-align:left;padding-right:1em">Incident</th><td>019360=
00-0000-7000-8000-000000000001</td></tr>
</table>
<h3>End of the log</h3>
<pre style=3D"background:#f4f4f4;padding:1em;white-space:pre-wrap">CodeSign=
atureVerifier
&lt;Firefox.app&gt;: a sealed resource is missing or invalid</pre>
</body></html>

--auto-update-01936000-0000-7000-8000-00000000000d--
"##);
}

fn config(text: &str) -> Result<Email, DeskError> {
    let common = "name = 'mail'\nfrom = 'au@example.org'\nto = ['desk@example.org']\n";
    Email::new(&toml::from_str(&format!("{common}{text}")).unwrap())
}

#[tokio::test]
async fn a_password_never_goes_over_a_network_in_clear_text() {
    assert!(config("host = 'mail.example.org'").is_ok());
    assert!(
        config("host = 'mail.example.org'\ntls = 'implicit'\nuser = 'u'\npassword = 'p'").is_ok()
    );
    assert!(config("host = '127.0.0.1'\ntls = 'none'\nuser = 'u'\npassword = 'p'").is_ok());
    assert!(config("host = 'mail.example.org'\ntls = 'none'\nuser = 'u'\npassword = 'p'").is_err());
    assert!(config("host = 'mail.example.org'\nuser = 'u'").is_err());
}
