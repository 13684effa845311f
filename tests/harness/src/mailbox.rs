//! The mails of a product whose mail is files.

use std::path::Path;

/// A mail as its reader sees it.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The recipient's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The mail as it was sent.
    pub raw: String,
}

impl Mail {
    /// Reads a mail as it was sent.
    pub fn parse(raw: &[u8]) -> Self {
        let message = mail_parser::MessageParser::default().parse(raw).expect("a mail");
        Self {
            to: message.to().and_then(|to| to.first()?.address()).unwrap_or_default().to_owned(),
            subject: message.subject().unwrap_or_default().to_owned(),
            text: message.body_text(0).unwrap_or_default().into_owned(),
            html: message.body_html(0).unwrap_or_default().into_owned(),
            raw: String::from_utf8_lossy(raw).into_owned(),
        }
    }

    /// The token of the one-time link it holds.
    pub fn token(&self) -> String {
        let (_, after) = self.text.split_once("/connexion?jeton=").unwrap_or_else(|| panic!("no link in {}", self.text));
        after.split_whitespace().next().expect("a token").to_owned()
    }
}

/// Moves what the outbox holds to the end of `mails`, in the order of sending.
pub(crate) fn collect(outbox: &Path, mails: &mut Vec<Mail>) {
    let entries = std::fs::read_dir(outbox).into_iter().flatten().flatten();
    let mut files: Vec<_> =
        entries.map(|entry| entry.path()).filter(|file| file.extension().is_some_and(|e| e == "eml")).collect();
    files.sort();
    for file in files {
        mails.push(Mail::parse(&std::fs::read(&file).expect("a mail")));
        std::fs::remove_file(file).expect("a mail to take");
    }
}
