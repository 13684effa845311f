//! What every mutation gives back.

use async_graphql::{Enum, SimpleObject};

/// Ce qu'il faut corriger dans la demande. Rien n'a été fait.
#[derive(SimpleObject, Clone)]
pub(crate) struct Problem {
    /// Le champ de input à corriger.
    field: String,
    /// La nature du problème, pour un programme.
    code: ProblemCode,
    /// Une phrase à montrer à la personne.
    message: String,
}

/// Les natures de problèmes.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProblemCode {
    /// À remplir.
    Obligatoire,
    /// Trop court.
    TropCourt,
    /// Trop long.
    TropLong,
    /// N'a pas la forme attendue.
    Malforme,
    /// Déjà pris, ou déjà fait.
    DejaPris,
    /// Ne désigne rien.
    Inconnu,
    /// Trop ancien, ou déjà utilisé.
    Expire,
    /// L'état des choses s'y oppose.
    Refuse,
    /// Il n'y a plus de place.
    Complet,
}

impl From<services::error::Code> for ProblemCode {
    fn from(code: services::error::Code) -> Self {
        use services::error::Code;
        match code {
            Code::Required => Self::Obligatoire,
            Code::TooShort => Self::TropCourt,
            Code::TooLong => Self::TropLong,
            Code::Malformed => Self::Malforme,
            Code::Taken => Self::DejaPris,
            Code::Unknown => Self::Inconnu,
            Code::Expired => Self::Expire,
            Code::Refused => Self::Refuse,
            Code::Full => Self::Complet,
        }
    }
}

/// As the API shows them.
pub(crate) fn problems(problems: Vec<services::error::Problem>) -> Vec<Problem> {
    problems
        .into_iter()
        .map(|problem| Problem { field: problem.field.into(), code: problem.code.into(), message: problem.message })
        .collect()
}

/// `payload! { "Description" OpenThreadPayload { "Le fil." thread: Thread } }`: the object a mutation gives back; its fields are
/// null when there are problems.
macro_rules! payload {
    ($description:literal $name:ident { $($field_description:literal $field:ident: $type:ty),* $(,)? }) => {
        #[doc = $description]
        #[derive(async_graphql::SimpleObject)]
        pub(crate) struct $name {
            /// Le clientMutationId de la demande, tel quel.
            client_mutation_id: Option<String>,
            /// Ce qu'il faut corriger ; vide quand c'est fait.
            problems: Vec<$crate::payload::Problem>,
            $(#[doc = $field_description] $field: Option<$type>,)*
        }

        impl $name {
            fn new(client_mutation_id: Option<String>, problems: Vec<services::error::Problem>, $($field: Option<$type>),*) -> Self {
                Self { client_mutation_id, problems: $crate::payload::problems(problems), $($field),* }
            }
        }
    };
}
pub(crate) use payload;
