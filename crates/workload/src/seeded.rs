//! Random numbers from the seed of the run.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngCore, SeedableRng};
use zonemq_scenario::Dice;
use zonemq_world::Chance;

/// A generator that gives the same numbers for the same seed. Clones share it.
#[derive(Clone, Debug)]
pub struct Seeded(Arc<Mutex<StdRng>>);

impl Seeded {
    /// `name` tells apart the generators of one run.
    pub fn new(seed: u64, name: &str) -> Seeded {
        // FNV-1a: any mixing will do, as long as it stays the same.
        let mixed = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(mixed))))
    }

    /// The one from which the faults of a run follow: a seed has the same plan everywhere.
    pub fn for_plan(seed: u64) -> Seeded {
        Seeded::new(seed, "plan")
    }

    /// Draws with any of rand's methods.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Chance for Seeded {
    fn next_u64(&self) -> u64 {
        self.draw(RngCore::next_u64)
    }
}

impl Dice for Seeded {
    fn between(&mut self, least: f64, most: f64) -> f64 {
        self.draw(|dice| dice.random_range(least..=most))
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.draw(|dice| dice.random_range(0..limit))
    }

    fn happens(&mut self, share: f64) -> bool {
        self.draw(|dice| dice.random_bool(share))
    }

    fn weighted(&mut self, weights: &[u32]) -> Option<usize> {
        let places: Vec<usize> = (0..weights.len()).collect();
        let drawn = self.draw(|dice| {
            places
                .choose_weighted(dice, |place| weights[*place])
                .copied()
        });
        drawn.ok()
    }
}
