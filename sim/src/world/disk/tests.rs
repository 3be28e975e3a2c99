use std::path::Path;

use zonemq_world::{Disk, DiskFile, OpenMode};

use super::{PowerLoss, SimDisk};
use crate::coverage::Coverage;
use crate::world::SimChance;

const FOLDER: &str = "/data";
const FILE: &str = "/data/file";

async fn disk(coverage: &Coverage) -> SimDisk {
    let disk = SimDisk::new(SimChance::new(1, "disk"), coverage);
    disk.create_dir_all(Path::new(FOLDER)).await.unwrap();
    disk
}

async fn write(disk: &SimDisk, bytes: &[u8]) -> super::SimFile {
    let file = disk
        .open(Path::new(FILE), OpenMode::CreateNew)
        .await
        .unwrap();
    file.write_at(0, bytes).await.unwrap();
    file
}

async fn read(disk: &SimDisk) -> std::io::Result<Vec<u8>> {
    let file = disk.open(Path::new(FILE), OpenMode::Read).await?;
    let length = usize::try_from(file.len().await?).unwrap();
    file.read_at(0, length).await
}

#[tokio::test(start_paused = true)]
async fn what_was_synced_with_its_name_survives_and_what_was_written_later_does_not() {
    let coverage = Coverage::default();
    let disk = disk(&coverage).await;
    let file = write(&disk, b"durable").await;
    file.sync_data().await.unwrap();
    disk.sync_dir(Path::new(FOLDER)).await.unwrap();
    file.write_at(0, b"fleeting").await.unwrap();
    assert_eq!(read(&disk).await.unwrap(), b"fleeting");
    disk.lose_power(PowerLoss::LosesUnsynced);
    assert_eq!(read(&disk).await.unwrap(), b"durable");
    assert_eq!(coverage.counts()["disk: unsynced bytes lost"], 8);
}

#[tokio::test(start_paused = true)]
async fn a_new_file_is_gone_when_its_directory_was_not_synced() {
    let disk = disk(&Coverage::default()).await;
    write(&disk, b"durable").await.sync_data().await.unwrap();
    disk.lose_power(PowerLoss::LosesUnsynced);
    assert!(read(&disk).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_torn_write_is_there_in_whole_sectors() {
    let coverage = Coverage::default();
    let disk = disk(&coverage).await;
    let file = write(&disk, &vec![1; 512 * 64]).await;
    file.sync_data().await.unwrap();
    disk.sync_dir(Path::new(FOLDER)).await.unwrap();
    file.write_at(0, &vec![2; 512 * 64]).await.unwrap();
    disk.lose_power(PowerLoss::TearsUnsynced);
    let bytes = read(&disk).await.unwrap();
    let sectors: Vec<&[u8]> = bytes.chunks(512).collect();
    assert!(
        sectors
            .iter()
            .all(|sector| sector.iter().all(|byte| *byte == sector[0]))
    );
    assert!(sectors.iter().any(|sector| sector[0] == 1));
    assert!(sectors.iter().any(|sector| sector[0] == 2));
    assert_eq!(coverage.counts()["disk: writes torn"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_sync_is_not_made_good_by_the_next_one() {
    let disk = disk(&Coverage::default()).await;
    disk.sync_dir(Path::new(FOLDER)).await.unwrap();
    let file = write(&disk, b"lost").await;
    disk.sync_dir(Path::new(FOLDER)).await.unwrap();
    disk.set_faults(|faults| faults.syncs_fail = true);
    file.sync_data().await.unwrap_err();
    disk.set_faults(|faults| faults.syncs_fail = false);
    file.sync_data().await.unwrap();
    disk.lose_power(PowerLoss::LosesUnsynced);
    assert_eq!(read(&disk).await.unwrap(), b"");
}
