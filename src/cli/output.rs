//! What people see: tables as wide as their terminal, colour only there, and plain columns for programs.

use std::env;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::os::fd::AsFd;

use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};
use serde::Serialize;

use crate::fault::Fault;

/// One line, below the header: a school has hundreds of mailboxes.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
/// Behind every column, in characters.
const GAP: u16 = 1;
/// In octets.
const GATHERED: usize = 64 << 10;

/// Standard output. A person sees each line at once; for a program they are gathered.
pub struct Output {
    out: BufWriter<StdoutLock<'static>>,
    /// In characters; `None` when no person is looking.
    width: Option<u16>,
}

impl Output {
    pub fn new() -> Self {
        let out = io::stdout().lock();
        let width = out.is_terminal().then(|| terminal_width(&out));
        Self { out: BufWriter::with_capacity(GATHERED, out), width }
    }

    /// # Errors
    /// When the output cannot be written.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.show()
    }

    /// One object, on a line of its own.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn json(&mut self, object: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, object)?;
        self.out.write_all(b"\n")?;
        self.show()
    }

    /// To be called before the program ends.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn show(&mut self) -> io::Result<()> {
        if self.width.is_some() { self.out.flush() } else { Ok(()) }
    }

    /// A table on a terminal; elsewhere a line a row, its fields separated by tabs, without the header.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn table<const N: usize>(&mut self, header: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
        let Some(width) = self.width else {
            return rows.iter().try_for_each(|row| writeln!(self.out, "{}", row.join("\t")));
        };
        let mut table = Table::new();
        table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(width).set_header(header);
        for row in rows {
            table.add_row(row);
        }
        // Words stay in one piece, because they are typed again: on a narrow terminal the table is rather too wide.
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, GAP));
            let cells = rows.iter().map(|row| row[at].as_str()).chain([header[at]]);
            let longest = cells.flat_map(str::split_whitespace).map(|word| word.chars().count()).max().unwrap_or_default();
            let least = u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(GAP);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
        writeln!(self.out, "{table}")?;
        self.show()
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::new()
    }
}

/// Tells of every fault on standard error, an empty line between two. That nobody can read it is no reason to fail.
pub fn tell(faults: &[Fault]) {
    let _ = write_faults("error", "31", faults);
}

/// As [`tell`], of what may stay as it is.
pub fn tell_notes(notes: &[Fault]) {
    let _ = write_faults("note", "36", notes);
}

fn write_faults(grade: &str, colour: &str, faults: &[Fault]) -> io::Result<()> {
    let mut err = io::stderr().lock();
    let colourful = err.is_terminal() && env::var_os("NO_COLOR").is_none();
    for (number, fault) in faults.iter().enumerate() {
        if number > 0 {
            writeln!(err)?;
        }
        let text = fault.told_as(grade);
        match text.strip_prefix(grade).and_then(|rest| rest.strip_prefix(':')) {
            Some(rest) if colourful => writeln!(err, "\x1b[1;{colour}m{grade}:\x1b[0m{rest}")?,
            _ => writeln!(err, "{text}")?,
        }
    }
    Ok(())
}

fn terminal_width(terminal: impl AsFd) -> u16 {
    rustix::termios::tcgetwinsize(terminal).map(|size| size.ws_col).ok().filter(|columns| *columns > 0).unwrap_or(80)
}
