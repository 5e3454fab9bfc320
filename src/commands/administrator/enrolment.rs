//! One-time codes, shown so that an app can take them in.

use anyhow::Context as _;
use qrcode::{QrCode, render::unicode::Dense1x2};
use tenancy::administration::Enrolment;

use crate::printer::Printer;

/// Shows the code to be taken in with a camera, and the same in letters.
///
/// # Errors
/// If nothing can be printed.
pub(super) fn show(enrolment: &Enrolment, printer: Printer) -> anyhow::Result<()> {
    let code = QrCode::new(enrolment.address.expose().as_bytes())
        .context("the address of the one-time codes is too long for a picture")?;
    // Light on dark, as most terminals are; apps read either.
    let picture = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    printer.data(picture)?;
    printer.data(format!("secret: {}", enrolment.secret.expose()))?;
    printer.data(format!("address: {}", enrolment.address.expose()))?;
    printer.talk(format!(
        "{} takes this in with an app for one-time codes (SHA-1, six digits, a period of 60 seconds); it is not shown again",
        enrolment.name
    ));
    Ok(())
}
