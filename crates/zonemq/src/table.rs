//! What all tables of this command look like.

use comfy_table::{Row, Table, presets};

/// A table with this header, and no rows yet.
pub(crate) fn with_header(header: impl Into<Row>) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_FULL_CONDENSED)
        .set_header(header);
    table
}
