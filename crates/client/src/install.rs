//! What lies where on a Mac, for those who put it there and those who look whether it is there.

use crate::hooks::HOME;

/// The name by which `launchd` knows the job that cleans.
pub const LABEL: &str = "com.auto-update.client.clean";

/// The folder of what says whose signatures count.
pub const TRUST: &str = "/usr/local/auto-update/trust";
/// The public keys that sign evidence, in PEM.
pub const EVIDENCE_KEYS: &str = "/usr/local/auto-update/trust/evidence.pem";
/// A root of the repository's update metadata.
pub const UPDATE_ROOT: &str = "/usr/local/auto-update/trust/root.json";

/// How often that job runs, in seconds.
const EVERY: u32 = 600;

/// The path of the program.
pub fn program() -> String {
    format!("{HOME}/auto-update-client")
}

/// The path of the description of the job that cleans.
pub fn daemon_path() -> String {
    format!("/Library/LaunchDaemons/{LABEL}.plist")
}

/// The description of the job that cleans.
pub fn daemon() -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>{LABEL}</string>
	<key>ProcessType</key>
	<string>Background</string>
	<key>ProgramArguments</key>
	<array>
		<string>{program}</string>
		<string>clean</string>
	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>StartInterval</key>
	<integer>{EVERY}</integer>
</dict>
</plist>
"#,
        program = program()
    )
}
