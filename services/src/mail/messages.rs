//! What each mail says, from the rows as they are when it leaves. A template is a folder: subject, text, HTML.

use std::sync::LazyLock;

use minijinja::{Environment, Value, context};

use super::Message;
use crate::App;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::{organisations, sessions};

/// A mail's words.
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        [$(
            (concat!($name, "/subject.txt"), include_str!(concat!("templates/", $name, "/subject.txt"))),
            (concat!($name, "/body.txt"), include_str!(concat!("templates/", $name, "/body.txt"))),
            (concat!($name, "/body.html"), include_str!(concat!("templates/", $name, "/body.html"))),
        )*]
    };
}

static TEMPLATES: LazyLock<std::result::Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.add_template("layout.html", include_str!("templates/layout.html"))?;
    for (name, text) in templates!["sign_in", "sign_up", "affiliation_requested", "affiliation_decided"] {
        environment.add_template(name, text)?;
    }
    Ok(environment)
});

/// Writes the letter; none when there is nothing to say any more (the link expired, the wish was withdrawn).
pub(super) async fn write(app: &App, tx: &mut Tx, message: Message, recipient: &str) -> Result<Option<Letter>> {
    let url = &app.config.public_url;
    match message {
        Message::SignInLink { link } => {
            let Some(ready) = sessions::ready_link(tx, &app.clock, link).await? else { return Ok(None) };
            let template = if ready.joins { "sign_up" } else { "sign_in" };
            let link = format!("{url}/connexion?jeton={}", ready.secret);
            Ok(Some(letter(template, context! { url, link, minutes => ready.minutes, recipient })?))
        }
        Message::AffiliationRequested { affiliation } => {
            let Some(wish) = organisations::affiliation_words(tx, affiliation).await?.filter(|wish| wish.state == "DEMANDEE")
            else {
                return Ok(None);
            };
            Ok(Some(letter("affiliation_requested", words(url, &wish, affiliation.to_string()))?))
        }
        Message::AffiliationDecided { affiliation } => {
            let Some(wish) = organisations::affiliation_words(tx, affiliation).await? else { return Ok(None) };
            Ok(Some(letter("affiliation_decided", words(url, &wish, affiliation.to_string()))?))
        }
    }
}

fn words(url: &str, wish: &organisations::AffiliationWords, id: String) -> Value {
    context! {
        url, id,
        member => &wish.member, handle => &wish.handle, organisation => &wish.organisation,
        approved => wish.state == "APPROUVEE", reason => &wish.reason,
    }
}

fn letter(name: &str, context: Value) -> Result<Letter> {
    let render = |part: &str| -> Result<String> {
        let environment = TEMPLATES.as_ref().map_err(|error| Error::internal(error.to_string()))?;
        environment
            .get_template(&format!("{name}/{part}"))
            .and_then(|template| template.render(&context))
            .map_err(|error| Error::internal(format!("mail template {name}/{part}: {error}")))
    };
    Ok(Letter { subject: render("subject.txt")?.trim().to_owned(), text: render("body.txt")?, html: render("body.html")? })
}
