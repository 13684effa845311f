//! The contract: `graphql/schema.graphql` is what the code says, and all of it is described in French.

use std::path::Path;

use harness::trial;
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("schema::the_schema_in_the_repository_is_the_code_s".into(), None, the_schema_in_the_repository_is_the_code_s),
        trial("schema::everything_is_described".into(), None, everything_is_described),
    ]
}

/// With `UPDATE_SCHEMA=1` the file is written anew; a drift fails and says how to mend it.
fn the_schema_in_the_repository_is_the_code_s() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("graphql/schema.graphql");
    let sdl = graphql::sdl();
    if harness::servers::setting("UPDATE_SCHEMA").is_some() {
        std::fs::write(&file, &sdl).expect("the schema");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == sdl,
        "graphql/schema.graphql has drifted: run UPDATE_SCHEMA=1 cargo test --test it schema, and review the diff"
    );
}

/// Every type, field, argument, input field and enum value that is ours has a description that is not the library's.
fn everything_is_described() {
    let query = "{ __schema { types { kind name description
        fields(includeDeprecated: true) { name description args { name description } }
        inputFields { name description } enumValues { name description } } } }";
    harness::tell(async {
        let world = harness::World::start(harness::Database::Sqlite).await;
        let reply = world.anonymous().run(query, serde_json::json!({})).await;
        let mut missing = Vec::new();
        let mut look = |place: String, node: &serde_json::Value| {
            let description = node["description"].as_str().unwrap_or("");
            if description.len() < 3 {
                missing.push(place);
            }
        };
        for kind in reply.data["__schema"]["types"].as_array().expect("types") {
            let name = kind["name"].as_str().expect("a name");
            if name.starts_with("__") || ["Boolean", "Float", "ID", "Int", "String"].contains(&name) {
                continue;
            }
            look(name.into(), kind);
            for part in ["fields", "inputFields", "enumValues"] {
                for member in kind[part].as_array().into_iter().flatten() {
                    let place = format!("{name}.{}", member["name"].as_str().unwrap_or(""));
                    look(place.clone(), member);
                    for argument in member["args"].as_array().into_iter().flatten() {
                        look(format!("{place}({})", argument["name"].as_str().unwrap_or("")), argument);
                    }
                }
            }
        }
        assert!(missing.is_empty(), "not described: {missing:?}");
        world.finish().await;
    });
}
