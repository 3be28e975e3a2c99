//! Damage to what is stored: bits that flip while nobody looks.

use std::io;
use std::path::{Path, PathBuf};

use rand::Rng;

use super::SimDisk;
use super::file::FileState;

impl SimDisk {
    /// Flips one bit that is durable and not zero padding; tells where, if there is any data.
    pub(crate) fn flip_bit(&self) -> Option<String> {
        let mut state = self.locked();
        let state = &mut *state;
        let mut written: Vec<(&PathBuf, u64)> = Vec::new();
        for (name, number) in &state.names {
            if state.files.get(number).is_some_and(FileState::has_data) {
                written.push((name, *number));
            }
        }
        if written.is_empty() {
            return None;
        }
        let (name, number) = written[self.chance.draw(|dice| dice.random_range(0..written.len()))];
        let file = state.files.get_mut(&number)?;
        let at = self.chance.draw(|dice| file.flip_bit(dice))?;
        self.coverage.add("disk: bits flipped", 1);
        Some(format!("{}, byte {at}", name.display()))
    }

    /// All files that hold anything but zeros, each with what it holds.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let state = self.locked();
        let files = state.names.iter().filter_map(|(name, number)| {
            let bytes = state.files.get(number)?.bytes();
            let holds_data = bytes.iter().any(|byte| *byte != 0);
            holds_data.then(|| (name.clone(), bytes))
        });
        files.collect()
    }

    /// Flips one bit of a file.
    pub(crate) fn flip(&self, path: &Path, byte: u64, bit: u8) -> io::Result<()> {
        let mut state = self.locked();
        let number = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        let file = state.files.get_mut(&number);
        let file = file.ok_or(io::ErrorKind::NotFound)?;
        file.flip(byte, 1 << bit)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        self.coverage.add("disk: bits flipped", 1);
        Ok(())
    }
}
