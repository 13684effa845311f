//! Who writes in the library, and what a sound document is.

use super::Document;
use crate::audience::Grant;
use crate::caller::{Caller, Scope};
use crate::error::{Code, Error, Problem, Result};
use crate::forum::{self, Post, Thread, ThreadKind};
use crate::id::{MemberId, OrganisationId, SpaceId};
use crate::roles::Role;
use crate::text;

const TAGS_MOST: usize = 10;
const LINK_MOST: usize = 2_000;

/// Whether this caller keeps the library: editors, those who moderate its space, administrators.
fn keeps(caller: &Caller, space: SpaceId) -> bool {
    caller.edits() || caller.moderates(space)
}

pub(super) fn may_create(caller: &Caller, space: SpaceId) -> Result<()> {
    if keeps(caller, space) {
        return Ok(());
    }
    let sentence =
        "Les documents sont ajoutés par les éditeurs, les modérateurs de l'espace accompagnement et les administrateurs.";
    Err(Error::forbidden(sentence))
}

/// Whether this caller may change the document: who keeps the library, its owner, who administers the organisation that owns it
/// (`above`: that one and those it stands under).
#[must_use]
pub fn may_edit(caller: &Caller, document: &Document, space: SpaceId, above: &[OrganisationId]) -> bool {
    let owns = document.member_id.is_some() && document.member_id == caller.id()
        || document.organisation_id.is_some() && caller.administers(above);
    caller.passes(Scope::Write) && caller.suspended().is_none() && (owns || keeps(caller, space))
}

/// Whether a remark of this caller's on the document would be taken, as far as the document says.
#[must_use]
pub fn may_remark(caller: &Caller, document: &Document) -> bool {
    forum::writes(caller) && takes_remarks(document).is_ok()
}

pub(super) fn takes_remarks(document: &Document) -> Result<()> {
    if document.archived_at.is_none() {
        return Ok(());
    }
    Err(Error::conflict("documentId", Code::Refused, "Ce document est archivé : il ne reçoit plus de remarque."))
}

/// Whether a post may become a document: the accepted answer of its thread, or a good practice.
pub(super) fn can_be_published(thread: &Thread, post: &Post) -> Result<()> {
    if !post.is_visible() || thread.hidden_at.is_some() {
        return Err(Error::conflict("postId", Code::Refused, "Ce message a été retiré."));
    }
    if thread.accepted_post_id == Some(post.id) || thread.kind == ThreadKind::BonnePratique && post.is_opening() {
        return Ok(());
    }
    let sentence = "Seules une réponse acceptée et une bonne pratique deviennent un document.";
    Err(Error::conflict("postId", Code::Refused, sentence))
}

/// Whether all that a grant holds are among those that `seen` holds. `above` are the organisations that the one it names stands
/// under, itself included; `author` sees their own words anyway. What cannot be told from the grants alone is not.
pub(super) fn is_within(grant: Grant, seen: &[Grant], above: &[OrganisationId], author: MemberId) -> bool {
    if seen.contains(&Grant::Public) || seen.contains(&grant) || grant == Grant::Member(author) {
        return true;
    }
    let holds = |wanted: &dyn Fn(OrganisationId) -> Grant| above.iter().any(|id| seen.contains(&wanted(*id)));
    match grant {
        Grant::Public => false,
        _ if seen.contains(&Grant::Members) => true,
        Grant::Organisation(_) => holds(&Grant::Organisation),
        Grant::RoleIn(role, _) => holds(&Grant::Organisation) || holds(&|id| Grant::RoleIn(role, id)),
        _ => false,
    }
}

/// The audience a document is given: who writes in it sees it, written in the data rather than known by the code.
pub(super) fn with_writers(
    mut grants: Vec<Grant>,
    space: SpaceId,
    member: Option<MemberId>,
    organisation: Option<OrganisationId>,
) -> Vec<Grant> {
    if !grants.is_empty() {
        grants.extend([Grant::CommunityRole(Role::Editeur, None), Grant::CommunityRole(Role::Moderateur, Some(space))]);
        grants.extend(member.map(Grant::Member));
        grants.extend(organisation.map(|id| Grant::RoleIn(Role::AdministrateurEspaceDedie, id)));
    }
    grants
}

/// What remains of an audience when its document gets another owner: the former one is in it no more for being that.
pub(super) fn without_owner(grants: Vec<Grant>, document: &Document) -> Vec<Grant> {
    let is_owner = |grant: &Grant| match *grant {
        Grant::Member(id) => document.member_id == Some(id),
        Grant::RoleIn(Role::AdministrateurEspaceDedie, id) => document.organisation_id == Some(id),
        _ => false,
    };
    grants.into_iter().filter(|grant| !is_owner(grant)).collect()
}

pub(super) fn title(title: &str) -> Result<String, Problem> {
    text::line("title", title, 3, 200)
}

pub(super) fn summary(summary: &str) -> Result<String, Problem> {
    text::line("summary", summary, 0, 1000)
}

pub(super) fn note(note: &str) -> Result<String, Problem> {
    text::line("note", note, 0, 500)
}

/// A language, as BCP 47 writes the plain ones: `fr`, `en`, `fr-CA`.
pub(super) fn language(language: &str) -> Result<String, Problem> {
    let (name, region) = language.split_once('-').unwrap_or((language, "FR"));
    let name_is_sound = (2..=3).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase());
    if name_is_sound && region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(language.to_owned());
    }
    Err(Problem::new("language", Code::Malformed, "Une langue s'écrit comme fr, en ou fr-CA (BCP 47)."))
}

/// Tags in lower case, each once, sorted.
pub(super) fn tags(tags: &[String]) -> Result<Vec<String>, Problem> {
    if tags.len() > TAGS_MOST {
        return Err(Problem::new("tags", Code::TooLong, format!("Au plus {TAGS_MOST} étiquettes.")));
    }
    let mut sound = tags.iter().map(|tag| text::line("tags", &tag.to_lowercase(), 2, 40)).collect::<Result<Vec<_>, _>>()?;
    sound.sort_unstable();
    sound.dedup();
    Ok(sound)
}

/// An address on the web, in one form.
pub(super) fn link(link: &str) -> Result<String, Problem> {
    let malformed = |sentence: &str| Problem::new("link", Code::Malformed, sentence);
    let url = url::Url::parse(link.trim()).map_err(|_| malformed("Une adresse s'écrit comme https://exemple.fr/page."))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(malformed("L'adresse d'un document commence par https:// ou http://."));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(malformed("Une adresse ne porte ni identifiant ni mot de passe."));
    }
    if url.as_str().len() > LINK_MOST {
        return Err(Problem::new("link", Code::TooLong, format!("Au plus {LINK_MOST} caractères.")));
    }
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_web() {
        assert_eq!(link(" https://Exemple.fr/é ").as_deref(), Ok("https://exemple.fr/%C3%A9"));
        for wrong in
            ["", "guide", "javascript:alert(1)", "data:text/html,a", "file:///etc/passwd", "https://a:b@exemple.fr/", "https://"]
        {
            assert_eq!(link(wrong).unwrap_err().code, Code::Malformed, "{wrong}");
        }
        assert_eq!(link("https://exemple.fr/a\r\nSet-Cookie: b").as_deref(), Ok("https://exemple.fr/aSet-Cookie:%20b"));
        assert_eq!(link(&format!("https://exemple.fr/{}", "a".repeat(2_000))).unwrap_err().code, Code::TooLong);
    }

    #[test]
    fn an_audience_lies_within_another_when_its_grants_say_so() {
        let id = |n| OrganisationId(uuid::Uuid::from_u128(n));
        let (author, other) = (MemberId(uuid::Uuid::from_u128(8)), MemberId(uuid::Uuid::from_u128(9)));
        let (whole, part) = (Grant::Organisation(id(1)), Grant::Organisation(id(2)));
        let role = |n| Grant::RoleIn(Role::Concepteur, id(n));
        let above = [id(2), id(1)];
        for (grant, seen, expected) in [
            (Grant::Public, vec![Grant::Public], true),
            (Grant::Public, vec![Grant::Members], false),
            (Grant::Member(other), vec![Grant::Members], true),
            (part, vec![whole], true),
            (Grant::Organisation(id(1)), vec![part], false),
            (role(2), vec![whole], true),
            (role(2), vec![role(1)], true),
            (part, vec![role(1)], false),
            (Grant::Member(author), vec![whole], true),
            (Grant::Member(other), vec![whole], false),
            (Grant::CommunityRole(Role::Editeur, None), vec![whole], false),
        ] {
            let above = if grant == Grant::Organisation(id(1)) { &above[1..] } else { &above[..] };
            assert_eq!(is_within(grant, &seen, above, author), expected, "{grant:?} in {seen:?}");
        }
    }

    #[test]
    fn tags_and_languages_have_one_form() {
        let given = ["H5P", "h5p", " Classe  virtuelle "].map(String::from);
        assert_eq!(tags(&given), Ok(vec!["classe virtuelle".into(), "h5p".into()]));
        assert!(tags(&["a".into()]).is_err() && tags(&vec!["ab".to_owned(); 11]).is_err());
        assert!(language("fr").is_ok() && language("fr-CA").is_ok());
        for wrong in ["", "FR", "français", "fr-ca", "fr_FR", "f"] {
            assert!(language(wrong).is_err(), "{wrong}");
        }
    }
}
