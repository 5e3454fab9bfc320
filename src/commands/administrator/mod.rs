//! `administrator`: who may sign in to the administration pages.

mod enrolment;
mod new_password;
mod token;

use serde_json::json;
use store::{Administrator as Person, OidcPresence};
use tenancy::administration::{
    Administration, AdministrationError, Enrolment, NewAdministrator, Office,
};

use crate::{
    cli::administrator::{Add, Administrator, Appoint, ChangePassword, List, One},
    exit::ExitStatus,
    house::House,
    ledger::Ledger,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(
    verb: Administrator,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let db = house.database().await?;
    let ledger = Ledger::new(&db, None);
    let administration = daemon::open_tenants(house.config()?, db).administration();
    let desk = Desk {
        administration,
        ledger,
        printer,
    };
    match verb {
        Administrator::Add(arguments) => desk.add(arguments).await?,
        Administrator::Appoint(arguments) => desk.appoint(arguments).await?,
        Administrator::ChangeCodes(arguments) => desk.change_codes(arguments).await?,
        Administrator::ChangePassword(arguments) => desk.change_password(arguments).await?,
        Administrator::Disable(arguments) => {
            let disabling = desk.administration.disable(&arguments.name);
            desk.change("administrator.disable", &arguments, disabling)
                .await?;
        }
        Administrator::Enable(arguments) => {
            let enabling = desk.administration.enable(&arguments.name);
            desk.change("administrator.enable", &arguments, enabling)
                .await?;
        }
        Administrator::List(arguments) => desk.list(&arguments).await?,
        Administrator::SignOut(arguments) => desk.sign_out(&arguments).await?,
        Administrator::Token(verb) => token::run(verb, &desk).await?,
    }
    Ok(ExitStatus::Done)
}

/// What all of them need.
struct Desk {
    administration: Administration,
    ledger: Ledger,
    printer: Printer,
}

impl Desk {
    async fn add(&self, arguments: Add) -> anyhow::Result<()> {
        let new = NewAdministrator {
            office: office(&arguments.role)?,
            password: new_password::read(&arguments.password)?,
            by: self.ledger.who().to_owned(),
            name: arguments.name,
        };
        let name = new.name.clone();
        let deed = (
            "administrator.add",
            name.as_str(),
            format!("role {}", new.office),
        );
        let adding = self.administration.add(new);
        let enrolment = self.ledger.recorded(deed, adding).await?;
        self.show(&enrolment, arguments.json)
    }

    fn show(&self, enrolment: &Enrolment, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            self.printer.data(json!({
                "schema": 1,
                "name": enrolment.name,
                "secret": enrolment.secret.expose(),
                "address": enrolment.address.expose(),
            }))?;
            return Ok(());
        }
        enrolment::show(enrolment, self.printer)
    }

    async fn appoint(&self, arguments: Appoint) -> anyhow::Result<()> {
        let office = office(&arguments.role)?;
        let deed = (
            "administrator.appoint",
            arguments.name.as_str(),
            format!("role {office}"),
        );
        let appointing = self.administration.appoint(&arguments.name, office);
        let person = self.ledger.recorded(deed, appointing).await?;
        self.tell(&person, arguments.json)
    }

    async fn change_codes(&self, arguments: One) -> anyhow::Result<()> {
        let deed = (
            "administrator.change-codes",
            arguments.name.as_str(),
            String::new(),
        );
        let changing = self.administration.change_codes(&arguments.name);
        let enrolment = self.ledger.recorded(deed, changing).await?;
        self.show(&enrolment, arguments.json)
    }

    async fn change_password(&self, arguments: ChangePassword) -> anyhow::Result<()> {
        // Nobody types a password twice for somebody there is not.
        self.administration.find(&arguments.name).await?;
        let password = new_password::read(&arguments.password)?;
        let deed = (
            "administrator.change-password",
            arguments.name.as_str(),
            String::new(),
        );
        let changing = self
            .administration
            .change_password(&arguments.name, password);
        self.ledger.recorded(deed, changing).await?;
        self.printer
            .talk(format!("{} has another password now", arguments.name));
        Ok(())
    }

    async fn change(
        &self,
        did: &'static str,
        arguments: &One,
        changing: impl Future<Output = Result<Person, AdministrationError>>,
    ) -> anyhow::Result<()> {
        let deed = (did, arguments.name.as_str(), String::new());
        let person = self.ledger.recorded(deed, changing).await?;
        self.tell(&person, arguments.json)
    }

    /// Those who sign in with a password, and those who come through the identity provider, whose names are never the same.
    async fn sign_out(&self, arguments: &One) -> anyhow::Result<()> {
        let name = arguments.name.as_str();
        let people = self.administration.people().await?;
        let Some(person) = people.into_iter().find(|it| it.name == name) else {
            let ending = self.administration.end_sessions(name);
            return self
                .change("administrator.sign-out", arguments, ending)
                .await;
        };
        let deed = ("person.sign-out", name, String::new());
        let ending = self.administration.end_sessions_of_person(name);
        self.ledger.recorded(deed, ending).await?;
        let after = OidcPresence {
            sessions: 0,
            seen_at: None,
            ..person
        };
        self.tell_person(&after, arguments.json)
    }

    async fn list(&self, arguments: &List) -> anyhow::Result<()> {
        let administrators = self.administration.list().await?;
        for administrator in &administrators {
            self.tell(administrator, arguments.json)?;
        }
        let people = self.administration.people().await?;
        for person in &people {
            self.tell_person(person, arguments.json)?;
        }
        if administrators.is_empty() && people.is_empty() && !arguments.json {
            self.printer.talk(
                "Nobody may sign in yet: `auto-update administrator add NAME` makes the first one",
            );
        }
        Ok(())
    }

    fn tell(&self, person: &Person, as_json: bool) -> anyhow::Result<()> {
        let locked = person.locked_until.map(|until| until.to_string());
        if as_json {
            self.printer.data(json!({
                "schema": 1,
                "name": person.name,
                "role": person.role,
                "state": person.state.as_str(),
                "failures": person.failures,
                "locked_until": locked,
                "made_at": person.made_at.to_string(),
                "made_by": person.made_by,
            }))?;
            return Ok(());
        }
        let locked = locked.map_or_else(String::new, |until| format!(", locked until {until}"));
        self.printer.data(format!(
            "{} {} {}{locked}",
            person.name,
            person.role,
            person.state.as_str()
        ))?;
        Ok(())
    }
}

impl Desk {
    fn tell_person(&self, person: &OidcPresence, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            self.printer.data(json!({
                "schema": 1,
                "name": person.name,
                "role": person.role,
                "state": PROVIDER,
                "sessions": person.sessions,
                "first_at": person.first_at.to_string(),
                "last_at": person.last_at.to_string(),
            }))?;
            return Ok(());
        }
        let sessions = match person.sessions {
            0 => "not signed in".to_owned(),
            1 => "signed in".to_owned(),
            sessions => format!("signed in {sessions} times"),
        };
        self.printer.data(format!(
            "{} {} {PROVIDER}, {sessions}",
            person.name, person.role
        ))?;
        Ok(())
    }
}

/// How those stand of whom the identity provider says whether they may sign in.
const PROVIDER: &str = "provider";

fn office(role: &str) -> anyhow::Result<Office> {
    Ok(role.parse()?)
}
