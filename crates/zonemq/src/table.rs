//! What all tables of this command look like.

use comfy_table::{CellAlignment, Row, Table, presets};

/// A table with this header, and no rows yet.
pub(crate) fn with_header(header: impl Into<Row>) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_FULL_CONDENSED)
        .set_header(header);
    table
}

/// The columns from this one on hold numbers.
pub(crate) fn align_numbers(table: &mut Table, first: usize) {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
