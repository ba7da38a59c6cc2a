//! The guide has the same commands of doctl and docr side by side as the README of docr-cli.

const GUIDE: &str = include_str!("../src/guide/from_godo_and_doctl.md");
const README: &str = include_str!("../../docr-cli/README.md");

/// The first two cells of each row of the tables in a text.
fn rows(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?, cells.next()?))
    })
}

/// The texts in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn each_command_of_doctl_is_named_as_the_command_s_readme_names_it() {
    let mut compared = 0;
    for (doctl, docr) in rows(README) {
        let [doctl, docr] = [(doctl, "doctl "), (docr, "docr ")]
            .map(|(cell, program)| quoted(cell).first()?.strip_prefix(program));
        let (Some(doctl), Some(docr)) = (doctl, docr) else {
            continue;
        };
        let is_named = |(theirs, ours): (&str, &str)| {
            quoted(theirs).contains(&doctl) && quoted(ours).contains(&docr)
        };
        assert!(rows(GUIDE).any(is_named), "doctl {doctl} is docr {docr}");
        compared += 1;
    }
    assert!(compared > 20, "{compared} commands were compared");
}
