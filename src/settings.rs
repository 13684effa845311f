//! Every setting, as a flag and as a variable of the environment: the one place where the environment is read.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use services::config::{Config, Limits, LinkLimits, SearchServer};
use services::files::Kinds;

/// Le service de la Communauté interministérielle des acteurs de Mentor (CIAM).
#[derive(Parser, Debug)]
#[command(
    name = "ciam",
    version,
    about = "Le service de la Communauté interministérielle des acteurs de Mentor (CIAM).",
    help_template = "{about}\n\nUtilisation : {usage}\n\nCommandes :\n{subcommands}\n\nRéglages :\n{options}",
    disable_help_subcommand = true
)]
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
    /// Importe un tableau.
    #[command(subcommand)]
    Import(Import),
    /// Exporte des objets, sur la sortie standard.
    #[command(subcommand)]
    Export(Export),
    /// Refait l'index de recherche à côté de celui qui sert, puis le met à sa place.
    Reindex,
    /// Cherche dans l'index de recherche ce qui manque, ce qui n'est plus à jour et ce qui est de trop, et le répare.
    Doctor {
        /// Cherche seulement, après avoir lu le journal de la base jusqu'au bout.
        #[arg(long)]
        dry_run: bool,
    },
    /// Affiche le schéma GraphQL.
    Schema,
}

/// What can be exported.
#[derive(Subcommand, Debug, Clone)]
pub enum Export {
    /// Les formations, comme un membre les voit.
    Trainings {
        /// Un tableau que l'import relit, ou du JSON-LD de schema.org.
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
        /// Adresse de courriel du membre qui les voit ; le premier administrateur par défaut.
        #[arg(long = "as", value_name = "EMAIL")]
        by: Option<String>,
    },
}

/// In what trainings are exported.
#[derive(clap::ValueEnum, Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it, in the help too")]
pub enum Format {
    Csv,
    Jsonld,
}

/// What can be imported.
#[derive(Subcommand, Debug, Clone)]
pub enum Import {
    /// Des formations, d'un fichier CSV : vérifié en entier, puis écrit s'il est sans faute.
    Trainings {
        /// Le fichier.
        file: PathBuf,
        /// Vérifie seulement.
        #[arg(long)]
        dry_run: bool,
        /// Adresse de courriel du membre au nom de qui l'import se fait ; le premier administrateur par défaut.
        #[arg(long = "as", value_name = "EMAIL")]
        by: Option<String>,
    },
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
    /// Redis : redis://… ou rediss://… ; porte ce que plusieurs nœuds se disent et comptent ensemble.
    #[arg(long, env = "REDIS_URL", hide_env_values = true, global = true)]
    pub redis_url: Option<String>,
    /// Meilisearch : http://… ou https://… ; tient l'index de recherche, sinon dans le dossier des données.
    #[arg(long, env = "MEILI_URL", hide_env_values = true, global = true)]
    pub meili_url: Option<String>,
    /// Clé de Meilisearch, qui peut tout sur l'index et sur celui qui se fait à côté.
    #[arg(long, env = "MEILI_KEY", hide_env_values = true, global = true)]
    pub meili_key: Option<String>,
    /// Nom de l'index chez Meilisearch : lettres, chiffres, _ et -.
    #[arg(long, env = "MEILI_INDEX", value_parser = index_name, default_value = "ciam", global = true)]
    pub meili_index: String,
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
    /// Limits.
    #[command(flatten)]
    pub limits: LimitSettings,
}

/// What one client may ask of the process.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Limites de ce qu'un client demande")]
pub struct LimitSettings {
    /// Niveaux de champs d'une requête.
    #[arg(long, env = "CIAM_QUERY_DEPTH", value_parser = positive::<usize>, default_value_t = Limits::default().depth, global = true)]
    pub query_depth: usize,
    /// Champs d'une requête, ceux des listes comptés par leur taille.
    #[arg(long, env = "CIAM_QUERY_FIELDS", value_parser = positive::<usize>, default_value_t = Limits::default().complexity, global = true)]
    pub query_fields: usize,
    /// Niveaux d'accolades d'une requête.
    #[arg(long, env = "CIAM_QUERY_BRACES", value_parser = positive::<usize>, default_value_t = Limits::default().braces, global = true)]
    pub query_braces: usize,
    /// Directives sur un champ.
    #[arg(long, env = "CIAM_QUERY_DIRECTIVES", value_parser = positive::<usize>, default_value_t = Limits::default().directives, global = true)]
    pub query_directives: usize,
    /// Champs à la racine d'une opération.
    #[arg(long, env = "CIAM_QUERY_ROOTS", value_parser = positive::<usize>, default_value_t = Limits::default().roots, global = true)]
    pub query_roots: usize,
    /// Alias d'un document.
    #[arg(long, env = "CIAM_QUERY_ALIASES", value_parser = positive::<usize>, default_value_t = Limits::default().aliases, global = true)]
    pub query_aliases: usize,
    /// Opérations et fragments d'un document.
    #[arg(long, env = "CIAM_QUERY_DEFINITIONS", value_parser = positive::<usize>, default_value_t = Limits::default().definitions, global = true)]
    pub query_definitions: usize,
    /// Champs écrits dans un document, ses fragments dépliés.
    #[arg(long, env = "CIAM_QUERY_SELECTIONS", value_parser = positive::<usize>, default_value_t = Limits::default().selections, global = true)]
    pub query_selections: usize,
    /// Octets d'un document.
    #[arg(long, env = "CIAM_QUERY_BYTES", value_parser = positive::<usize>, default_value_t = Limits::default().document_bytes, global = true)]
    pub query_bytes: usize,
    /// Secondes pour répondre à une demande.
    #[arg(long, env = "CIAM_ANSWER_SECONDS", value_parser = positive::<u64>, default_value_t = Limits::default().answer_time.as_secs(), global = true)]
    pub answer_seconds: u64,
    /// Connexions à la fois, WebSockets compris ; les suivantes attendent.
    #[arg(long, env = "CIAM_CONNECTIONS", value_parser = positive::<usize>, default_value_t = Limits::default().connections, global = true)]
    pub connections: usize,
    /// Secondes pendant lesquelles une connexion reste sans demande complète, ou sans prendre ce qu'on lui envoie.
    #[arg(long, env = "CIAM_IDLE_SECONDS", value_parser = positive::<u64>, default_value_t = Limits::default().idle_time.as_secs(), global = true)]
    pub idle_seconds: u64,
    /// Octets du corps d'une demande.
    #[arg(long, env = "CIAM_BODY_BYTES", value_parser = positive::<usize>, default_value_t = Limits::default().body_bytes, global = true)]
    pub body_bytes: usize,
    /// Secondes pour envoyer le corps d'une demande.
    #[arg(long, env = "CIAM_BODY_SECONDS", value_parser = positive::<u64>, default_value_t = Limits::default().body_time.as_secs(), global = true)]
    pub body_seconds: u64,
    /// Octets d'un fichier envoyé.
    #[arg(long, env = "CIAM_FILE_BYTES", value_parser = positive::<u64>, default_value_t = Limits::default().file_bytes, global = true)]
    pub file_bytes: u64,
    /// Octets de fichiers qu'un membre envoie par jour.
    #[arg(long, env = "CIAM_FILE_DAY_BYTES", value_parser = positive::<u64>, default_value_t = Limits::default().file_day_bytes, global = true)]
    pub file_day_bytes: u64,
    /// Fichiers qu'un membre envoie à la fois.
    #[arg(long, env = "CIAM_FILE_UPLOADS", value_parser = positive::<usize>, default_value_t = Limits::default().file_uploads, global = true)]
    pub file_uploads: usize,
    /// Octets par seconde qu'un envoi de fichier apporte au moins, comptés sur chaque durée de body-seconds.
    #[arg(long, env = "CIAM_FILE_PACE", value_parser = positive::<u64>, default_value_t = Limits::default().file_pace, global = true)]
    pub file_pace: u64,
    /// Types de fichiers acceptés, séparés par des virgules.
    #[arg(long, env = "CIAM_FILE_KINDS", default_value_t = Limits::default().file_kinds, global = true)]
    pub file_kinds: Kinds,
    /// Messages par jour dans lesquels un membre s'adresse à des organisations.
    #[arg(long, env = "CIAM_GROUP_DAY_POSTS", value_parser = positive::<u32>, default_value_t = Limits::default().group_day_posts, global = true)]
    pub group_day_posts: u32,
    /// Secondes pour dire connection_init sur un WebSocket.
    #[arg(long, env = "CIAM_SOCKET_INIT_SECONDS", value_parser = positive::<u64>, default_value_t = Limits::default().socket_init_time.as_secs(), global = true)]
    pub socket_init_seconds: u64,
    /// Secondes de silence d'un WebSocket avant une relance, et autant avant sa fermeture.
    #[arg(long, env = "CIAM_SOCKET_SILENCE_SECONDS", value_parser = positive::<u64>, default_value_t = Limits::default().socket_silence.as_secs(), global = true)]
    pub socket_silence_seconds: u64,
    /// WebSockets ouverts à la fois par un membre.
    #[arg(long, env = "CIAM_SOCKETS_PER_MEMBER", value_parser = positive::<usize>, default_value_t = Limits::default().sockets_per_member, global = true)]
    pub sockets_per_member: usize,
    /// WebSockets ouverts à la fois depuis une adresse du réseau par des visiteurs anonymes.
    #[arg(long, env = "CIAM_SOCKETS_PER_ORIGIN", value_parser = positive::<usize>, default_value_t = Limits::default().sockets_per_origin, global = true)]
    pub sockets_per_origin: usize,
    /// Opérations à la fois sur un WebSocket.
    #[arg(long, env = "CIAM_SOCKET_OPERATIONS", value_parser = positive::<usize>, default_value_t = Limits::default().socket_operations, global = true)]
    pub socket_operations: usize,
    /// Octets d'un message de WebSocket.
    #[arg(long, env = "CIAM_SOCKET_MESSAGE_BYTES", value_parser = positive::<usize>, default_value_t = Limits::default().socket_message_bytes, global = true)]
    pub socket_message_bytes: usize,
}

impl Settings {
    /// As the services take them.
    #[must_use]
    pub fn config(&self) -> Config {
        let public_url = self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen));
        Config {
            data_dir: self.data_dir.clone(),
            database_url: self.database_url.clone().filter(|url| !url.is_empty()),
            redis_url: self.redis_url.clone().filter(|url| !url.is_empty()),
            search_server: self.meili_url.clone().filter(|url| !url.is_empty()).map(|url| SearchServer {
                url,
                key: self.meili_key.clone().filter(|key| !key.is_empty()),
                index: self.meili_index.clone(),
            }),
            smtp_url: self.smtp_url.clone().filter(|url| !url.is_empty()),
            mail_from: self.mail_from.clone(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            admin_address: self.admin_address.clone(),
            links_per_hour: LinkLimits { per_address: self.links_per_address, per_origin: self.links_per_origin },
            limits: self.limits.limits(),
        }
    }
}

impl LimitSettings {
    fn limits(&self) -> Limits {
        Limits {
            depth: self.query_depth,
            complexity: self.query_fields,
            braces: self.query_braces,
            directives: self.query_directives,
            roots: self.query_roots,
            aliases: self.query_aliases,
            definitions: self.query_definitions,
            selections: self.query_selections,
            document_bytes: self.query_bytes,
            answer_time: Duration::from_secs(self.answer_seconds),
            connections: self.connections,
            idle_time: Duration::from_secs(self.idle_seconds),
            body_bytes: self.body_bytes,
            body_time: Duration::from_secs(self.body_seconds),
            file_bytes: self.file_bytes,
            file_day_bytes: self.file_day_bytes,
            file_uploads: self.file_uploads,
            file_pace: self.file_pace,
            file_kinds: self.file_kinds,
            group_day_posts: self.group_day_posts,
            socket_init_time: Duration::from_secs(self.socket_init_seconds),
            socket_silence: Duration::from_secs(self.socket_silence_seconds),
            sockets_per_member: self.sockets_per_member,
            sockets_per_origin: self.sockets_per_origin,
            socket_operations: self.socket_operations,
            socket_message_bytes: self.socket_message_bytes,
        }
    }
}

/// What a server takes as the name of an index, and a little less: the one beside it has a longer name.
fn index_name(text: &str) -> Result<String, String> {
    let fits = (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    fits.then(|| text.to_owned()).ok_or_else(|| "de 1 à 200 lettres sans accent, chiffres, _ et -".to_owned())
}

/// A whole number that is not zero: a limit of nothing would refuse everything.
fn positive<N: FromStr + From<u8> + PartialOrd>(text: &str) -> Result<N, String> {
    text.parse().ok().filter(|number| *number >= N::from(1)).ok_or_else(|| "un nombre entier, au moins 1".to_owned())
}
