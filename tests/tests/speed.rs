//! The short form of the standard set: it says nothing of speed, but that all of it can be measured.

use zonemq_tests::speed;
use zonemq_tests::speed::cases::{Scale, backlogs, beside_the_yardstick, idle};
use zonemq_tests::speed::figures::figures;

#[tokio::test(flavor = "multi_thread")]
async fn each_case_of_the_standard_set_can_be_measured_beside_the_yardstick() {
    let folder = tempfile::tempdir().expect("a folder");
    let scale = Scale::quick();
    let runs = speed::run(&scale, folder.path()).await.expect("it runs");
    let cases = [beside_the_yardstick(&scale), backlogs(&scale), idle(&scale)];
    for case in cases.iter().flatten() {
        let measured = runs.iter().filter(|run| run.case == case.name);
        assert!(measured.count() >= 1, "{} was not measured", case.name);
    }
    for run in &runs {
        let errors = &run.results.first_error;
        assert_eq!(run.results.error_count(), 0, "{}: {errors:?}", run.case);
    }
    // On a busy machine another node may take the lead within a run, which then counts for nothing.
    let all_count = runs.iter().all(|run| !run.is_marred());
    for figure in figures(&runs) {
        let (measure, median) = (&figure.measure, figure.median);
        assert!(!all_count || median.is_some(), "{measure} has no figure");
    }
}
