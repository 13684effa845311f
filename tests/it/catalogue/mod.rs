//! The catalogue: collections, trainings, their states, who sees and changes them.

mod announcements;
mod calendar;
mod checks;
mod collections;
mod cost;
mod export;
pub(crate) mod import;
mod races;
mod sessions;
mod sight;
mod tables;
mod trainings;

use harness::{Client, Story, World, stories};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::steps::{grant, read, text};
use announcements::{
    a_line_with_a_planned_day_announces_its_training, an_announced_draft_is_told_everywhere_and_others_nowhere,
    the_first_planned_day_announces_a_training_to_whom_it_is_open, what_was_planned_before_is_announced_by_the_migration,
};
use checks::{
    a_check_holds_up_no_stop_and_is_begun_anew, a_check_that_is_killed_is_begun_anew,
    a_check_that_outlasts_its_lease_is_done_once,
};
use collections::{
    a_framing_is_validated_by_a_chef_de_file, a_new_chef_de_file_sees_what_is_being_made,
    an_administrator_makes_and_changes_a_collection, fourteen_collections_are_laid_down,
};
use export::{
    a_course_says_it_in_terms_of_schema_org, an_export_of_many_pages_is_whole, an_export_tells_what_one_sees_and_nothing_else,
    importing_an_export_changes_nothing, who_comes_back_for_an_export_gets_a_304_until_something_changes,
};
use races::{
    of_two_trainings_that_claim_one_address_at_once_one_is_made, of_two_transitions_at_once_one_is_done,
    two_merges_at_once_make_no_circle,
};
use sight::{
    a_draft_is_seen_by_those_who_work_on_it, a_restricted_training_leaves_no_trace, openings_tell_who_sees_it_once_it_is_out,
    sight_follows_roles_designers_and_organisations,
};
use trainings::{
    a_merged_training_still_resolves, a_new_training_lists_everything_it_lacks, a_stale_revision_is_refused,
    a_thumbnail_is_an_image_that_who_sees_the_training_takes, a_training_says_all_that_mentor_says,
    a_transition_names_every_missing_field_in_french, addresses_and_short_names_are_one_trainings,
    hostile_texts_are_refused_or_made_safe, only_those_who_manage_or_design_it_change_it,
    states_follow_the_table_and_keep_their_history, trainings_are_listed_filtered_and_paged,
    what_a_state_demands_cannot_be_emptied,
};

use calendar::{
    a_planned_date_keeps_its_history, calendar_changes_tell_what_moved, the_calendar_lists_what_is_published_and_planned_for_all,
};

use sessions::{
    a_formateur_changes_the_sessions_they_lead, a_session_goes_through_its_states, a_session_is_checked,
    a_session_is_seen_as_its_training_is, dates_take_a_session_on, of_two_session_transitions_at_once_one_is_done,
    what_people_did_to_a_session_stands_before_its_dates,
};

use cost::{a_page_of_the_catalogue_costs_the_same_whatever_its_size, ten_thousand_trainings_cost_no_more_statements};

pub(crate) fn trials() -> Vec<Trial> {
    tables::trials().into_iter().chain(export::trials()).collect()
}

pub(crate) fn stories() -> Vec<Story> {
    let mut stories = stories![
        fourteen_collections_are_laid_down,
        an_administrator_makes_and_changes_a_collection,
        a_new_chef_de_file_sees_what_is_being_made,
        a_framing_is_validated_by_a_chef_de_file,
        a_training_says_all_that_mentor_says,
        a_thumbnail_is_an_image_that_who_sees_the_training_takes,
        a_new_training_lists_everything_it_lacks,
        a_transition_names_every_missing_field_in_french,
        states_follow_the_table_and_keep_their_history,
        what_a_state_demands_cannot_be_emptied,
        only_those_who_manage_or_design_it_change_it,
        a_stale_revision_is_refused,
        addresses_and_short_names_are_one_trainings,
        a_merged_training_still_resolves,
        hostile_texts_are_refused_or_made_safe,
        trainings_are_listed_filtered_and_paged,
        a_draft_is_seen_by_those_who_work_on_it,
        openings_tell_who_sees_it_once_it_is_out,
        a_restricted_training_leaves_no_trace,
        sight_follows_roles_designers_and_organisations,
        of_two_transitions_at_once_one_is_done,
        of_two_trainings_that_claim_one_address_at_once_one_is_made,
        two_merges_at_once_make_no_circle,
        a_planned_date_keeps_its_history,
        the_calendar_lists_what_is_published_and_planned_for_all,
        calendar_changes_tell_what_moved,
        the_first_planned_day_announces_a_training_to_whom_it_is_open,
        an_announced_draft_is_told_everywhere_and_others_nowhere,
        a_line_with_a_planned_day_announces_its_training,
        what_was_planned_before_is_announced_by_the_migration,
        a_check_that_outlasts_its_lease_is_done_once,
        a_check_holds_up_no_stop_and_is_begun_anew,
        a_check_that_is_killed_is_begun_anew,
        a_session_goes_through_its_states,
        dates_take_a_session_on,
        what_people_did_to_a_session_stands_before_its_dates,
        a_session_is_checked,
        a_formateur_changes_the_sessions_they_lead,
        a_session_is_seen_as_its_training_is,
        of_two_session_transitions_at_once_one_is_done,
        a_page_of_the_catalogue_costs_the_same_whatever_its_size,
        ten_thousand_trainings_cost_no_more_statements,
        importing_an_export_changes_nothing,
        an_export_tells_what_one_sees_and_nothing_else,
        a_course_says_it_in_terms_of_schema_org,
        an_export_of_many_pages_is_whole,
        who_comes_back_for_an_export_gets_a_304_until_something_changes,
    ];
    stories.extend(import::stories());
    stories
}

/// The id of the collection with this slug.
pub(crate) async fn collection(world: &World, slug: &str) -> String {
    let data = read(&world.anonymous(), "query($s: String!) { collection(slug: $s) { id } }", json!({ "s": slug })).await;
    text(&data["collection"]["id"])
}

/// A new member who manages the trainings of that organisation.
pub(crate) async fn manager(world: &World, handle: &str, organisation: &str) -> Client {
    let member = world.member(handle).await;
    grant(world, &member, "RESPONSABLE_FORMATION_CENTRAL", json!({ "organisationId": organisation })).await;
    member
}

/// What a new training has to say, and what is added to it.
pub(crate) async fn fields(world: &World, organisation: &str, short_name: &str, more: Value) -> Value {
    let mut fields = json!({
        "title": format!("Formation {short_name}"), "shortName": short_name, "certifying": false, "licence": "CC BY-SA 4.0",
        "organisationId": organisation, "collectionId": collection(world, "management").await,
    });
    for (key, value) in more.as_object().expect("fields") {
        fields[key] = value.clone();
    }
    fields
}

/// All that the state « élaboration terminée » asks for.
pub(crate) fn complete() -> Value {
    json!({
        "thumbnailUrl": "https://exemple.test/vignette.png", "catchPhrase": "Une heure pour s'y mettre",
        "content": "Trois **modules**", "goals": "Savoir animer une équipe", "modality": "EN_LIGNE", "presenceMinutes": 0,
        "remoteMinutes": 90,
    })
}

/// A new training of `who`'s; its id.
pub(crate) async fn new_training(world: &World, who: &Client, organisation: &str, short_name: &str, more: Value) -> String {
    let input = json!({ "fields": fields(world, organisation, short_name, more).await });
    text(&who.mutate("createTraining", input, "training { id }").await.done("createTraining")["training"]["id"])
}

/// Takes a training through these states.
pub(crate) async fn through(who: &Client, training: &str, states: &[&str]) {
    for state in states {
        let input = json!({ "trainingId": training, "state": state });
        who.mutate("transitionTraining", input, "").await.done("transitionTraining");
    }
}

/// A new training, published and open as told.
pub(crate) async fn published(world: &World, who: &Client, organisation: &str, short_name: &str, opening: Value) -> String {
    let mut more = complete();
    for (key, value) in opening.as_object().expect("fields") {
        more[key] = value.clone();
    }
    let id = new_training(world, who, organisation, short_name, more).await;
    through(who, &id, &["ELABORATION_TERMINEE", "PUBLIEE"]).await;
    id
}

/// A field of a training as `who` sees it; null when they do not.
pub(crate) async fn field(who: &Client, training: &str, field: &str) -> Value {
    let query = format!("query($t: ID!) {{ training(id: $t) {{ f: {field} }} }}");
    read(who, &query, json!({ "t": training })).await["training"]["f"].clone()
}

/// Whether `who` sees a training: found by its id, by its short name and in the list alike.
pub(crate) async fn sees(who: &Client, training: &str, short_name: &str) -> bool {
    let query = "query($t: ID!, $s: String!) { training(id: $t) { id } named: training(shortName: $s) { id } node(id: $t) { id }
        trainings(first: 100) { totalCount edges { node { id } } } }";
    let data = read(who, query, json!({ "t": training, "s": short_name })).await;
    let listed = data["trainings"]["edges"].to_string().contains(training);
    for found in ["training", "named", "node"] {
        assert_eq!(data[found].is_object(), listed, "{found} of {short_name} as it is listed");
    }
    assert_eq!(data["trainings"]["totalCount"], json!(data["trainings"]["edges"].as_array().expect("edges").len()));
    listed
}
