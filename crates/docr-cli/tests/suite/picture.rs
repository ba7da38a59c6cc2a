//! The picture of a plan that the README shows is what the command prints.

use std::{env, fs};

use anstyle_svg::Term;

use crate::{shell::Shell, terminal::OnTerminal};

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/prune.svg");
const COMMAND: &str = "--sandbox prune --plan";

/// `DOCR_UPDATE_SCREENSHOT=1` draws it again.
#[test]
fn the_picture_of_a_plan_shows_what_the_command_prints() {
    let (code, seen) = OnTerminal::start(&Shell::new(), COMMAND, 110).end();
    assert_eq!(code, 0, "{seen}");
    // What was overwritten, such as progress, is not in the picture.
    let lines: Vec<_> = seen
        .lines()
        .map(|line| line.rsplit('\r').next().unwrap_or_default())
        .collect();
    let screen = format!("$ docr {COMMAND}\n{}\n", lines.join("\n"));
    let drawn = Term::new().render_svg(&screen);
    if env::var_os("DOCR_UPDATE_SCREENSHOT").is_some_and(|value| value == "1") {
        fs::write(PICTURE, &drawn).unwrap();
    }
    let kept = fs::read_to_string(PICTURE).unwrap();
    assert!(
        kept == drawn,
        "prune.svg is not what the command prints now: DOCR_UPDATE_SCREENSHOT=1 draws it again"
    );
}
