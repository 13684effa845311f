//! Every setting, as a flag and as a variable of the environment: the one place where the environment is read.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use services::config::{Config, LinkLimits};

/// Le service de la Communauté interministérielle des acteurs de Mentor (CIAM).
#[derive(Parser, Debug)]
#[command(name = "ciam", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// With what.
    #[command(flatten)]
    pub settings: Settings,
}

/// What the operator can ask for.
#[derive(Subcommand, Debug, Clone)]
pub enum Command {
    /// Sert l'API et exécute les tâches (par défaut).
    Serve,
    /// Met la base à niveau et s'arrête.
    Migrate,
    /// Remplit une base neuve d'une communauté de démonstration, la même à chaque fois.
    Demo {
        /// Au moins ce nombre de messages, pour mesurer ; seulement les contenus écrits si 0.
        #[arg(long, default_value_t = 0)]
        posts: usize,
    },
    /// Affiche un jeton d'accès pour un membre, avec toutes ses portées.
    Token {
        /// Identifiant public du membre.
        handle: String,
        /// Durée de vie en jours.
        #[arg(long, default_value_t = 90)]
        days: i64,
    },
    /// Affiche le schéma GraphQL.
    Schema,
}

/// Settings of the process.
#[derive(Args, Debug, Clone)]
pub struct Settings {
    /// Dossier des données : base SQLite, boîte d'envoi.
    #[arg(long, env = "CIAM_DATA_DIR", default_value = "./data", global = true)]
    pub data_dir: PathBuf,
    /// Adresse et port d'écoute.
    #[arg(long, env = "CIAM_LISTEN", default_value = "127.0.0.1:8080", global = true)]
    pub listen: SocketAddr,
    /// Adresse publique du service ; celle d'écoute en http par défaut.
    #[arg(long, env = "CIAM_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,
    /// PostgreSQL : postgres://… ; SQLite dans le dossier des données par défaut.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// SMTP : smtp://… ou smtps://… ; des fichiers dans la boîte d'envoi par défaut.
    #[arg(long, env = "SMTP_URL", hide_env_values = true, global = true)]
    pub smtp_url: Option<String>,
    /// Expéditeur des courriels.
    #[arg(long, env = "CIAM_MAIL_FROM", default_value = "CIAM <ne-pas-repondre@ciam.example>", global = true)]
    pub mail_from: String,
    /// Adresse du premier administrateur, créé avec une base neuve.
    #[arg(long, env = "CIAM_ADMIN_ADDRESS", default_value = "admin@ciam.example", global = true)]
    pub admin_address: String,
    /// Un serveur mandataire est devant : l'adresse du client est la dernière de X-Forwarded-For.
    #[arg(long, env = "CIAM_BEHIND_PROXY", default_value_t = false, global = true)]
    pub behind_proxy: bool,
    /// Liens de connexion par heure pour une adresse de courriel.
    #[arg(long, env = "CIAM_LINKS_PER_ADDRESS", default_value_t = LinkLimits::default().per_address, global = true)]
    pub links_per_address: u32,
    /// Demandes de lien par heure depuis une adresse du réseau.
    #[arg(long, env = "CIAM_LINKS_PER_ORIGIN", default_value_t = LinkLimits::default().per_origin, global = true)]
    pub links_per_origin: u32,
    /// Journal : error, warn, info, debug, ou un filtre par module.
    #[arg(long, env = "CIAM_LOG", default_value = "info", global = true)]
    pub log: String,
}

impl Settings {
    /// As the services take them.
    #[must_use]
    pub fn config(&self) -> Config {
        let public_url = self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen));
        Config {
            data_dir: self.data_dir.clone(),
            database_url: self.database_url.clone().filter(|url| !url.is_empty()),
            smtp_url: self.smtp_url.clone().filter(|url| !url.is_empty()),
            mail_from: self.mail_from.clone(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            admin_address: self.admin_address.clone(),
            links_per_hour: LinkLimits { per_address: self.links_per_address, per_origin: self.links_per_origin },
        }
    }
}
