//! Charts for the page of trends, as SVG that a screen reader reads and that needs neither a script nor a style of its own.
//!
//! Ours, because what libraries draw has styles written into it, which the policy of the desk forbids, and says nothing to who
//! cannot see it. The table beside each chart has every number; the chart shows the shape of them.

use askama::Template;

use super::trends::Counted;

/// Of the drawing, in its own units, which are pixels on a phone.
const WIDTH: usize = 360;
/// Of the highest column, and of the longest bar.
const HIGHEST: usize = 140;
const LONGEST: usize = 300;
/// Bars that a chart has at most; the table has all.
const MOST_BARS: usize = 8;

/// A picture of some lines of a table.
#[derive(Template)]
#[template(path = "chart.html")]
pub struct Chart {
    id: &'static str,
    title: &'static str,
    /// What it shows, in a sentence.
    told: String,
    height: usize,
    bars: Vec<Bar>,
}

/// A number as a rectangle, the urgent part of it as another on top, and what is written beside it.
struct Bar {
    whole: Area,
    urgent: Area,
    count: Label,
    /// Without a text where there is no room for all.
    name: Label,
}

struct Area {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

struct Label {
    x: usize,
    y: usize,
    text: String,
}

impl Chart {
    /// A column for each line, from left to right: for what follows in time.
    pub fn columns(id: &'static str, title: &'static str, lines: &[Counted]) -> Self {
        let most = most(lines);
        let step = WIDTH / lines.len().max(1);
        let bars = lines.iter().enumerate().map(|(at, line)| {
            let (high, urgent) = (line.cases * HIGHEST / most, line.urgent * HIGHEST / most);
            let (x, width, foot) = (at * step + step / 8, step * 3 / 4, HIGHEST + 20);
            let area = |height: usize| Area { x, y: foot - height, width, height };
            let middle = x + width / 2;
            // Every third, or they would run into each other; not the first, or it would run out of the drawing.
            let name = if at % 3 == 1 { short(&line.title) } else { String::new() };
            Bar {
                whole: area(high),
                urgent: area(urgent),
                count: Label { x: middle, y: foot - high - 5, text: line.cases.to_string() },
                name: Label { x: middle, y: foot + 16, text: name },
            }
        });
        Self { id, title, told: told(lines), height: HIGHEST + 44, bars: bars.collect() }
    }

    /// A bar for each line, from top to bottom: for what has long names.
    pub fn rows(id: &'static str, title: &'static str, lines: &[Counted]) -> Self {
        const STEP: usize = 40;
        let most = most(lines);
        let shown = &lines[..lines.len().min(MOST_BARS)];
        let bars = shown.iter().enumerate().map(|(at, line)| {
            let (long, urgent) = (line.cases * LONGEST / most, line.urgent * LONGEST / most);
            let top = at * STEP;
            let area = |width: usize| Area { x: 0, y: top + 20, width, height: 14 };
            Bar {
                whole: area(long),
                urgent: area(urgent),
                count: Label { x: long + 8, y: top + 32, text: line.cases.to_string() },
                name: Label { x: 0, y: top + 14, text: line.title.clone() },
            }
        });
        let bars: Vec<_> = bars.collect();
        Self { id, title, told: told(lines), height: STEP * bars.len().max(1), bars }
    }

    fn in_columns(&self) -> bool {
        self.bars.first().is_none_or(|bar| bar.name.x > 0)
    }
}

fn most(lines: &[Counted]) -> usize {
    lines.iter().map(|line| line.cases).max().unwrap_or(0).max(1)
}

fn told(lines: &[Counted]) -> String {
    let (cases, urgent) = lines.iter().fold((0, 0), |(cases, urgent), line| (cases + line.cases, urgent + line.urgent));
    // The first of them, where several have as many.
    let top = lines.iter().rev().max_by_key(|line| line.cases).filter(|line| line.cases > 0);
    match top {
        Some(line) => format!("{cases} in all, {urgent} of them urgent; the most, {}, at {}.", line.cases, line.title),
        None => "None.".to_owned(),
    }
}

/// `3 Mar` of `3 Mar 2026`.
fn short(day: &str) -> String {
    day.rsplit_once(' ').map_or(day, |(day, _)| day).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(title: &str, cases: usize, urgent: usize) -> Counted {
        Counted { title: title.to_owned(), cases, urgent, held: 0 }
    }

    /// The numbers of an attribute of every shape of a class.
    fn sizes(svg: &str, class: &str, name: &str) -> Vec<usize> {
        let shapes = svg.split('<').filter(|tag| tag.starts_with(&format!("rect class=\"{class}\"")));
        shapes.map(|tag| tag.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn a_column_is_as_high_as_its_number_and_the_highest_fills_the_drawing() {
        let weeks = [line("2 Mar 2026", 4, 1), line("9 Mar 2026", 0, 0), line("16 Mar 2026", 8, 8)];
        let svg = Chart::columns("weeks", "Cases by week", &weeks).render().unwrap();
        assert_eq!(sizes(&svg, "bar", "height"), [HIGHEST / 2, 0, HIGHEST]);
        assert_eq!(sizes(&svg, "urgent", "height"), [HIGHEST / 8, 0, HIGHEST]);
        assert_eq!(sizes(&svg, "bar", "y"), [20 + HIGHEST / 2, 20 + HIGHEST, 20], "they stand on one line");
        assert!(svg.contains(">9 Mar</text>") && !svg.contains("2026</text>"), "{svg}");
    }

    #[test]
    fn no_bar_is_longer_than_the_drawing_and_no_chart_has_more_than_it_can_show() {
        let many: Vec<_> = (0..20_usize).map(|at| line(&format!("category {at}"), 1_000_000 - at, at)).collect();
        let svg = Chart::rows("categories", "Cases by category", &many).render().unwrap();
        let lengths = sizes(&svg, "bar", "width");
        assert_eq!((lengths.len(), lengths[0]), (MOST_BARS, LONGEST));
        assert!(svg.contains(&format!("viewBox=\"0 0 {WIDTH} {}\"", 40 * MOST_BARS)), "{svg}");
    }

    #[test]
    fn a_screen_reader_is_told_what_it_shows_and_a_name_is_text() {
        let svg = Chart::rows("groups", "Cases by group", &[line("<script>x</script>", 3, 1), line("staff", 3, 0)]).render().unwrap();
        assert!(svg.contains("role=\"img\" aria-labelledby=\"groups-title groups-told\""), "{svg}");
        assert!(svg.contains("6 in all, 1 of them urgent; the most, 3, at &#60;script&#62;x&#60;/script&#62;."), "{svg}");
        assert!(!svg.contains("<script>") && !svg.contains("style="), "{svg}");
        for nothing in [Chart::rows("groups", "", &[]), Chart::columns("weeks", "", &[]), Chart::columns("weeks", "", &[line("x", 0, 0)])] {
            assert!(nothing.render().unwrap().contains(">None.</desc>"));
        }
    }
}
