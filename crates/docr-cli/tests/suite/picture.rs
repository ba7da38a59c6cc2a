//! The picture of a plan that the README shows is what the command prints.

use std::{env, fs};

use anstyle_svg::Term;

use crate::terminal::{last_drawn, seen};

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/prune.svg");
const COMMAND: &str = "--sandbox prune --plan";

/// `DOCR_UPDATE_SCREENSHOT=1` draws it again.
#[test]
fn the_picture_of_a_plan_shows_what_the_command_prints() {
    let screen = format!(
        "$ docr {COMMAND}\n{}",
        last_drawn(&seen(COMMAND, 110, false))
    );
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
