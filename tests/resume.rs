//! A run that is killed, at any moment, and goes on from its checkpoint ends with the same bits.

// The lint's exception for tests does not reach the functions that tests share.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

#[path = "../examples/resume.rs"]
#[allow(dead_code)]
mod example;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tfn::train::{Every, FitReport};
use tfn::{Key, Module};

const EPOCHS: u64 = 3;
const FILE: &str = "TFN_TEST_RESUME_FILE";
const STEPS: &str = "TFN_TEST_RESUME_EVERY";

/// All variables at the end, bit by bit, and the report.
fn end_of(file: &Path, every: Every) -> (Vec<u64>, FitReport) {
    let (model, report) = example::train(file, every, EPOCHS, drop).unwrap();
    let of = |variable: &tfn::Variable| variable.value().to_f64_vec().unwrap();
    (model.variables().iter().flat_map(of).map(f64::to_bits).collect(), report)
}

/// What the test below starts and kills: the run of the example, in a process of its own.
#[test]
fn child() {
    if let (Some(file), Ok(steps)) = (std::env::var_os(FILE), std::env::var(STEPS)) {
        end_of(&PathBuf::from(file), Every::Steps(steps.parse().unwrap()));
    }
}

fn start(file: &Path, every_steps: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child"])
        .env(FILE, file)
        .env(STEPS, every_steps.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Files that a saving has begun and not put in their place.
fn begun(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "tmp")).collect()
}

/// Waits until `reached` says so, a minute at most, then kills. Whether the child was still at it.
fn kill_when(mut child: Child, mut reached: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !reached() && child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(60), "the child is stuck");
    }
    let was_running = child.try_wait().unwrap().is_none();
    // SIGKILL, which no process can put off.
    child.kill().unwrap();
    child.wait().unwrap();
    was_running
}

#[test]
fn a_killed_run_goes_on_to_the_same_end() {
    const POINTS: u64 = 24;
    let folder = tempfile::tempdir().unwrap();
    let whole = end_of(&folder.path().join("whole"), Every::Epochs(EPOCHS));
    assert_eq!((whole.1.steps, whole.1.epochs.len()), (64 * EPOCHS, EPOCHS as usize));
    let (mut killed, mut with_file, mut while_writing) = (0, 0, 0);
    for point in 0..POINTS {
        let folder = folder.path().join(point.to_string());
        fs::create_dir(&folder).unwrap();
        let file = folder.join("run");
        let mut stream = Key::from_seed(7).index(point).stream();
        let mut below = |n: u64| stream.next_u64() % n;
        let every_steps = 1 + below(4);
        // The second kill is of a run that has already been gone on with.
        for _ in 0..2 {
            for left_over in begun(&folder) {
                fs::remove_file(left_over).unwrap();
            }
            let child = start(&file, every_steps);
            let was_running = if point % 2 == 0 {
                // As soon as a checkpoint is being written, for one of the first times that it is seen.
                let (mut sightings, wanted) = (0, 1 + below(8));
                let mut seen = Vec::new();
                kill_when(child, || {
                    let now = begun(&folder);
                    sightings += u64::from(!now.is_empty() && now != seen);
                    seen = now;
                    sightings >= wanted
                })
            } else {
                let (started, wait) = (Instant::now(), Duration::from_micros(below(250_000)));
                kill_when(child, || {
                    sleep(Duration::from_micros(200));
                    started.elapsed() >= wait
                })
            };
            killed += u32::from(was_running);
            with_file += u32::from(was_running && file.exists());
            while_writing += u32::from(was_running && !begun(&folder).is_empty());
        }
        // No more saving but at the end.
        assert!(end_of(&file, Every::Seconds(1e9)) == whole, "point {point}");
    }
    println!(
        "{killed} kills, {with_file} with a checkpoint, {while_writing} while one was written"
    );
    assert!(killed >= 20 && with_file >= 10 && while_writing >= 5);
}
