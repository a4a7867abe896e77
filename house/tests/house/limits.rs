//! docs/limits.md says of every bound what the code says.

use crate::repository::read;

#[test]
fn every_limit_is_what_the_code_says() {
    let text = read("docs/limits.md");
    let mut faults = Vec::new();
    let mut count = 0;
    for row in text
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('#'))
    {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, what, told, place, _] = cells[..] else {
            panic!("a row of docs/limits.md has three cells: {row}");
        };
        let (path, name) = place.trim_matches('`').split_once('#').expect("file and name");
        let found = constant(&read(path), name).map(|expression| words(name, &expression));
        if found.as_deref() != Some(told) {
            faults.push(format!("{what}: told {told}, but {path} has {found:?}"));
        }
        count += 1;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 50, "only {count} limits");
}

/// What a file's first constant of this name is set to.
fn constant(text: &str, name: &str) -> Option<String> {
    let declared = format!("const {name}: ");
    let line = text.lines().find(|line| line.contains(&declared))?;
    let (_, value) = line.split_once(" = ")?;
    Some(value.trim_end_matches(';').to_owned())
}

/// An expression as a person says it.
fn words(name: &str, expression: &str) -> String {
    if let Some((unit, number)) = duration(expression) {
        return format!("{number} {unit}");
    }
    let Some(number) = product(expression) else {
        return expression.trim_matches('"').to_owned();
    };
    let units = [
        ("_SECONDS", "s"),
        ("_MINUTES", "min"),
        ("_HOURS", "h"),
        ("_DAYS", "days"),
    ];
    if let Some((_, unit)) = units.iter().find(|(suffix, _)| name.ends_with(suffix)) {
        return format!("{number} {unit}");
    }
    let counts_bytes = name.contains("BYTES") || matches!(name, "MAX_TEXT" | "MAX_INSTRUCTION");
    match (number, counts_bytes) {
        (number, false) => number.to_string(),
        (number, true) if number % (1 << 20) == 0 => format!("{} MiB", number >> 20),
        (number, true) if number % (1 << 10) == 0 => format!("{} KiB", number >> 10),
        (number, true) => format!("{number} bytes"),
    }
}

fn duration(expression: &str) -> Option<(&'static str, u64)> {
    let (_, call) = expression.split_once("Duration::from_")?;
    let (unit, number) = call.trim_end_matches(')').split_once('(')?;
    let unit = match unit {
        "millis" => "ms",
        "secs" => "s",
        "mins" => "min",
        "hours" => "h",
        _ => return None,
    };
    Some((unit, product(number)?))
}

/// `25 * 1024 * 1024`, `16 << 20`, `10_000`.
fn product(expression: &str) -> Option<u64> {
    let number = |text: &str| text.trim().replace('_', "").parse::<u64>().ok();
    if let Some((number_of, shift)) = expression.split_once("<<") {
        return Some(number(number_of)? << number(shift)?);
    }
    expression.split('*').map(number).product()
}
