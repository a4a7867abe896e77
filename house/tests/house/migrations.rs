use crate::repository::names_in;

/// Tables of no context: extensions, and what the shared kernel keeps.
const KERNEL: &str = "kernel";

#[test]
fn a_migration_says_when_whose_and_what() {
    let contexts: Vec<_> = names_in("orchestrator/src")
        .into_iter()
        .filter(|name| !name.contains('.'))
        .chain([KERNEL.to_owned()])
        .collect();
    let names = names_in("migrations");
    let mut faults = Vec::new();
    for name in &names {
        if !is_named_well(name, &contexts) {
            faults.push(format!("{name}: expected <14 digits>_<context>_<change>.sql"));
        }
    }
    let moments: Vec<_> = names.iter().filter_map(|name| name.get(..14)).collect();
    for pair in moments.windows(2).filter(|pair| pair[0] == pair[1]) {
        faults.push(format!("two migrations of {}", pair[0]));
    }
    assert_eq!(faults, Vec::<String>::new());
}

fn is_named_well(name: &str, contexts: &[String]) -> bool {
    let Some((moment, rest)) = name.strip_suffix(".sql").and_then(|it| it.split_once('_')) else {
        return false;
    };
    let is_moment = moment.len() == 14 && moment.bytes().all(|b| b.is_ascii_digit());
    let change = contexts
        .iter()
        .find_map(|context| rest.strip_prefix(context.as_str())?.strip_prefix('_'));
    is_moment && change.is_some_and(|it| !it.is_empty())
}
