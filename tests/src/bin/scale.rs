//! Runs jobs of a size once each, for callgrind to count their instructions: `scale plan SIZE [SHAPE]`, `scale pushes SIZE`.

use std::{env, hint::black_box, process::ExitCode};

use docr::retention::{RetentionPlan, UntaggedManifests};
use docr_sandbox::{Image, Sandbox};
use docr_tests::plans::{Case, SHAPES};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (Some(jobs), Some(size)) = (arguments.next(), arguments.next()) else {
        return ExitCode::from(2);
    };
    let Ok(size) = size.parse() else {
        return ExitCode::from(2);
    };
    match &*jobs {
        "plan" => {
            let shape = arguments.next();
            let is_chosen = |name| shape.as_deref().is_none_or(|shape| shape == name);
            let chosen = SHAPES.iter().filter(|(name, _)| is_chosen(*name));
            chosen.for_each(|(_, make)| counted_plan(&make(size)));
        }
        "pushes" => {
            let sandbox = Sandbox::start().await.expect("a sandbox");
            sandbox.add_sample().expect("an empty account");
            counted_pushes(&sandbox, size);
        }
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

/// Makes a plan, formats it, and checks it like one that was read from a file.
#[inline(never)]
fn counted_plan(case: &Case) {
    let plan = RetentionPlan::compute(&case.policy, &case.inventory).expect("a plan");
    plan.check().expect("a consistent plan");
    black_box((plan.to_string(), plan.kept_table()));
    black_box(UntaggedManifests::of(&case.inventory).expect("a count"));
}

/// Pushes an image again and again, each time with a new tag.
#[inline(never)]
fn counted_pushes(sandbox: &Sandbox, size: u64) {
    for number in 0..size {
        let image = Image::new("shop/api")
            .sized_layer(1, 1)
            .tag(format!("v{number}"));
        sandbox.push("sample", image).expect("room for it");
    }
}
