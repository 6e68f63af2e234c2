//! Charts for the page of trends: `plotters` draws them as SVG with attributes alone, which needs neither a script nor a style.
//!
//! A screen reader is told what a chart is and where it is highest; the table beside it has every number. The part of a number that
//! matters stands in it as a bar of its own, darker and narrower, so that nobody has to tell colours apart.

use std::io;

use askama::Template;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::answer::Refusal;

/// Of the drawing, in its own units, which are pixels on a phone.
const WIDTH: u32 = 360;
const HEIGHT_OF_COLUMNS: u32 = 200;
const HEIGHT_OF_ROW: u32 = 46;
/// Rows that a chart has at most; the table has all.
const MOST_ROWS: usize = 8;
/// Characters of a name that have room above its row.
const LONGEST_NAME: usize = 52;

const WORDS: (&str, u32) = ("sans-serif", 16);
const INK: RGBColor = RGBColor(0x14, 0x20, 0x2b);
const GRID: RGBColor = RGBColor(0xc5, 0xce, 0xd7);
const WHOLE: RGBColor = RGBColor(0x8f, 0xb8, 0xdc);
const MARKED: RGBColor = RGBColor(0xa3, 0x10, 0x1f);

/// What the two bars of a number are.
#[derive(Clone, Copy)]
pub struct Legend {
    pub whole: &'static str,
    /// Of the whole.
    pub marked: &'static str,
}

/// A number, and the part of it that is marked.
pub struct Bar {
    pub name: String,
    pub whole: usize,
    pub marked: usize,
}

#[derive(Template)]
#[template(path = "chart.html")]
pub struct Chart {
    id: &'static str,
    title: &'static str,
    legend: Legend,
    /// What it shows, in a sentence.
    told: String,
    height: u32,
    drawing: String,
}

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

impl Chart {
    /// A column for each, from left to right: for weeks.
    ///
    /// # Errors
    /// When the drawing fails, which is a mistake of ours.
    pub fn columns(id: &'static str, title: &'static str, legend: Legend, bars: &[Bar]) -> Result<Self, Refusal> {
        let drawing = drawn(HEIGHT_OF_COLUMNS, |canvas| columns(canvas, bars))?;
        Ok(Self { id, title, legend, told: told(legend, bars), height: HEIGHT_OF_COLUMNS, drawing })
    }

    /// A row for each, from top to bottom: for what has long names.
    ///
    /// # Errors
    /// When the drawing fails, which is a mistake of ours.
    pub fn rows(id: &'static str, title: &'static str, legend: Legend, bars: &[Bar]) -> Result<Self, Refusal> {
        let shown = &bars[..bars.len().min(MOST_ROWS)];
        let height = shown.iter().map(|_| HEIGHT_OF_ROW).sum::<u32>().max(1);
        let drawing = drawn(height, |canvas| rows(canvas, legend, shown))?;
        Ok(Self { id, title, legend, told: told(legend, bars), height, drawing })
    }
}

fn drawn(height: u32, draw: impl FnOnce(&Canvas<'_>) -> Drawn) -> Result<String, Refusal> {
    let mut svg = String::new();
    let canvas = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
    draw(&canvas).and_then(|()| canvas.present()).map_err(|error| Refusal::World(format!("a chart cannot be drawn: {error}")))?;
    drop(canvas);
    Ok(svg)
}

/// A column is two units wide: its middle is a place of its own.
fn columns(canvas: &Canvas<'_>, bars: &[Bar]) -> Drawn {
    let (wide, high) = (2 * bars.len().max(1), most(bars));
    let mut plane = ChartBuilder::on(canvas)
        .margin_top(20)
        .margin_right(8)
        .x_label_area_size(26)
        .y_label_area_size(34)
        .build_cartesian_2d(0..wide, 0..high)?;
    plane
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(1)
        .x_label_formatter(&|_| String::new())
        .set_tick_mark_size(LabelAreaPosition::Bottom, 0)
        .y_labels(4)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style(TextStyle::from(WORDS.into_font()).color(&INK))
        .draw()?;
    let columns = || bars.iter().enumerate().map(|(at, bar)| (2 * at + 1, bar));
    for (count, margin, colour) in [(whole as fn(&Bar) -> usize, 2, WHOLE), (marked, 7, MARKED)] {
        plane.draw_series(columns().map(|(middle, bar)| {
            let mut column = Rectangle::new([(middle - 1, 0), (middle + 1, count(bar))], colour.filled());
            column.set_margin(0, 0, margin, margin);
            column
        }))?;
    }
    let counted = |(middle, bar): (usize, &Bar)| {
        EmptyElement::at((middle, bar.whole)) + Text::new(bar.whole.to_string(), (0, -2), words(HPos::Center, VPos::Bottom))
    };
    let named =
        |(middle, bar): (usize, &Bar)| EmptyElement::at((middle, 0)) + Text::new(short(&bar.name), (0, 6), words(HPos::Center, VPos::Top));
    plane.draw_series(columns().map(counted))?;
    // Every third, or they would run into each other.
    plane.draw_series(columns().skip(1).step_by(3).map(named))?;
    Ok(())
}

fn rows(canvas: &Canvas<'_>, legend: Legend, bars: &[Bar]) -> Drawn {
    let (high, wide) = (bars.len(), most(bars));
    let mut plane = ChartBuilder::on(canvas).margin_left(1).margin_right(120).build_cartesian_2d(0..wide, 0..high.max(1))?;
    // The first stands at the top.
    let rows = || bars.iter().enumerate().map(|(at, bar)| (high - 1 - at, bar));
    for (count, top, foot, colour) in [(whole as fn(&Bar) -> usize, 20, 8, WHOLE), (marked, 24, 12, MARKED)] {
        plane.draw_series(rows().map(|(at, bar)| {
            let mut row = Rectangle::new([(0, at + 1), (count(bar), at)], colour.filled());
            row.set_margin(top, foot, 0, 0);
            row
        }))?;
    }
    plane.draw_series(
        rows().map(|(at, bar)| EmptyElement::at((0, at + 1)) + Text::new(cut(&bar.name), (0, 2), words(HPos::Left, VPos::Top))),
    )?;
    plane.draw_series(rows().map(|(at, bar)| {
        let counted = if bar.marked == 0 { bar.whole.to_string() } else { format!("{}, {} {}", bar.whole, bar.marked, legend.marked) };
        EmptyElement::at((bar.whole, at + 1)) + Text::new(counted, (6, 29), words(HPos::Left, VPos::Center))
    }))?;
    Ok(())
}

fn whole(bar: &Bar) -> usize {
    bar.whole
}

fn marked(bar: &Bar) -> usize {
    bar.marked
}

fn words(across: HPos, along: VPos) -> TextStyle<'static> {
    TextStyle::from(WORDS.into_font()).color(&INK).pos(Pos::new(across, along))
}

fn most(bars: &[Bar]) -> usize {
    bars.iter().map(whole).max().unwrap_or(0).max(1)
}

fn told(legend: Legend, bars: &[Bar]) -> String {
    // The first of them, where several have as many.
    match bars.iter().rev().max_by_key(|bar| bar.whole).filter(|bar| bar.whole > 0) {
        Some(bar) => format!("The most: {} {}, {} of them {}, at {}.", bar.whole, legend.whole, bar.marked, legend.marked, bar.name),
        None => "None.".to_owned(),
    }
}

/// `3 Mar` of `3 Mar 2026`: for the year there is no room.
fn short(day: &str) -> String {
    day.rsplit_once(' ').map_or(day, |(day, _)| day).to_owned()
}

fn cut(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", name[..end].trim_end()),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URGENT: Legend = Legend { whole: "cases", marked: "urgent" };

    fn bar(name: &str, whole: usize, marked: usize) -> Bar {
        Bar { name: name.to_owned(), whole, marked }
    }

    /// The numbers of an attribute of every shape of a colour.
    fn sizes(svg: &str, colour: RGBColor, name: &str) -> Vec<usize> {
        let fill = format!("fill=\"#{:02X}{:02X}{:02X}\"", colour.0, colour.1, colour.2);
        let shapes = svg.split('<').filter(|tag| tag.starts_with("rect") && tag.contains(&fill));
        shapes.map(|tag| tag.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn a_column_is_as_high_as_its_number_and_the_marked_part_is_narrower_too() {
        let weeks = [bar("2 Mar 2026", 4, 1), bar("9 Mar 2026", 0, 0), bar("16 Mar 2026", 8, 8)];
        let svg = Chart::columns("weeks", "Cases by week", URGENT, &weeks).unwrap().render().unwrap();
        let (whole, marked) = (sizes(&svg, WHOLE, "height"), sizes(&svg, MARKED, "height"));
        let highest = whole[2];
        assert!(highest > 100 && whole[0].abs_diff(highest / 2) < 2 && whole[1] == 0, "{whole:?}");
        assert!(marked[0].abs_diff(highest / 8) < 2 && marked[1..] == [0, highest], "{marked:?}");
        let foot = |at: usize| sizes(&svg, WHOLE, "y")[at] + whole[at];
        assert!(foot(0).abs_diff(foot(2)) < 2, "they stand on one line: {svg}");
        assert!(sizes(&svg, MARKED, "width")[0] < sizes(&svg, WHOLE, "width")[0], "whoever sees no colours sees the part: {svg}");
        assert!(svg.contains("\n9 Mar\n"), "{svg}");
    }

    #[test]
    fn no_row_is_longer_than_the_drawing_and_no_chart_has_more_than_it_can_show() {
        let many: Vec<_> = (0..20_usize).map(|at| bar(&format!("category {at} {}", "x".repeat(100)), 1_000_000 - at, at)).collect();
        let svg = Chart::rows("categories", "Cases by category", URGENT, &many).unwrap().render().unwrap();
        let lengths = sizes(&svg, WHOLE, "width");
        assert_eq!(lengths.len(), MOST_ROWS);
        assert!(lengths.iter().all(|length| *length < 300), "the number has room beside it: {lengths:?}");
        assert!(sizes(&svg, WHOLE, "y").is_sorted(), "the first stands at the top: {svg}");
        assert!(svg.contains("x…\n") && svg.contains("\n999993, 7 urgent\n"), "{svg}");
    }

    #[test]
    fn a_screen_reader_is_told_what_it_shows_and_a_name_is_text() {
        let groups = [bar("<script>x</script>", 3, 1), bar("staff", 3, 0)];
        let svg = Chart::rows("groups", "Cases by group", URGENT, &groups).unwrap().render().unwrap();
        assert!(svg.contains("role=\"img\" aria-labelledby=\"groups-title groups-told\""), "{svg}");
        assert!(svg.contains("The most: 3 cases, 1 of them urgent, at &#60;script&#62;x&#60;/script&#62;."), "{svg}");
        assert!(!svg.contains("<script>") && !svg.contains("style"), "{svg}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        for nothing in [vec![], vec![bar("x", 0, 0)]] {
            for chart in [Chart::rows("groups", "", URGENT, &nothing), Chart::columns("weeks", "", URGENT, &nothing)] {
                assert!(chart.unwrap().render().unwrap().contains(">None.</desc>"));
            }
        }
    }
}
