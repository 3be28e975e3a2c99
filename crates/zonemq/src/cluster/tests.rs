use clap::Parser;

use super::*;
use crate::args::{Cli, Command};

fn up(line: &str) -> UpArgs {
    let words = ["zonemq", "up"].into_iter().chain(line.split_whitespace());
    match Cli::try_parse_from(words).expect("a command line").command {
        Command::Up(args) => args,
        other => unreachable!("{other:?}"),
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    match result.expect_err("refused") {
        Failure::Usage(sentence) => sentence,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn the_first_nodes_lie_in_different_zones_on_ports_that_follow_each_other() {
    let cluster = Cluster::plan(&up("--zones a,b --nodes-per-zone 2 --port 9324")).expect("a plan");
    let layout: Vec<String> = cluster
        .nodes
        .iter()
        .map(|node| node.member().to_string())
        .collect();
    assert_eq!(
        layout,
        [
            "1=a@127.0.0.1:9324/127.0.0.1:9424",
            "2=b@127.0.0.1:9325/127.0.0.1:9425",
            "3=a@127.0.0.1:9326/127.0.0.1:9426",
            "4=b@127.0.0.1:9327/127.0.0.1:9427",
        ]
    );
}

#[test]
fn a_shape_that_makes_no_sense_is_refused() {
    for line in [
        "--zones a,a",
        "--nodes-per-zone 0",
        "--nodes-per-zone 4",
        "--port 65500",
    ] {
        refusal(Cluster::plan(&up(line)));
    }
}

#[test]
fn a_cluster_goes_on_as_it_was_and_refuses_another_shape() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = DataFolder::at(home.path()).expect("a path");
    let cluster = Cluster::plan(&up("--port 9500")).expect("a plan");
    for line in [
        "",
        "--zones a,b,c",
        "--nodes-per-zone 1",
        "--port 9500",
        "--port 0",
    ] {
        cluster.agrees_with(&up(line), &folder).expect(line);
    }
    for line in [
        "--zones a,b",
        "--zones a,b,d",
        "--nodes-per-zone 2",
        "--port 9324",
    ] {
        refusal(cluster.agrees_with(&up(line), &folder));
    }
}

#[test]
fn the_file_reads_back_as_it_was_written() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = DataFolder::at(home.path()).expect("a path");
    let cluster = Cluster::plan(&up("--port 0")).expect("a plan");
    folder.save(&cluster).expect("written");
    assert_eq!(folder.load().expect("readable"), Some(cluster));
}

#[test]
fn a_folder_that_is_not_ours_is_neither_used_nor_cleared() {
    let home = tempfile::tempdir().expect("a folder");
    let theirs = home.path().join("thesis.txt");
    fs::write(&theirs, "years of work").expect("written");
    let folder = DataFolder::at(home.path()).expect("a path");
    refusal(folder.prepare());
    folder.clear().expect("nothing to do");
    assert!(theirs.exists());

    folder
        .save(&Cluster::plan(&up("--port 0")).expect("a plan"))
        .expect("written");
    fs::create_dir(home.path().join("n1")).expect("made");
    folder.clear().expect("cleared");
    assert!(theirs.exists(), "what we did not make stays");
    assert!(!home.path().join("n1").exists());
    assert_eq!(folder.load().expect("readable"), None);
}
