//! HTML as its reader sees it, and as he does not: a walk along the tags, with no tree and nothing fetched. Drawings (SVG) are
//! read the same way, for their words and for the pictures in them; their lines are not drawn.

mod charset;
mod data_uri;
mod elements;
mod lenient;
mod link;
mod style;
mod xml;

use std::borrow::Cow;
use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use self::elements::{closes_its_own_kind, is_void, space_around};
use self::lenient::Lenient;
use self::style::Unseen;
use super::members::{self, Member};
use super::sniff::SVG;
use super::{Item, Reader};
use crate::finding::{Defect, Field, Reason};
use crate::scan::parse::charset_text;

/// How far an end tag looks for the element that it closes: bounded work, whatever is nested in what.
const REACH: usize = 64;

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    let charset = charset::of(&item.octets, item.declared.charset);
    let (markup, damaged) = charset_text(&item.octets, charset.as_deref());
    if damaged {
        reader.extracts.defects.push(Defect::DamagedEncoding);
    }
    let page = if item.sniffed.media_type == SVG {
        let (markup, is_whole) = xml::as_page(&markup);
        if !is_whole {
            reader.extracts.incomplete(&item.part, Reason::Budget);
        }
        Page::of_drawing(&markup)
    } else {
        Page::of(&markup, true)
    };
    if page.has_deceptive_link {
        reader.extracts.defects.push(Defect::DeceptiveLink);
    }
    reader.extracts.text(item.location(item.text_field()), Cow::Owned(page.visible_text()));
    reader.extracts.text(item.location(Field::HiddenText), Cow::Owned(page.hidden));
    reader.extracts.text(item.location(Field::Link), Cow::Owned(page.links));
    members::held(reader, item, page.files.into_iter().map(|octets| Member::file(None, octets, None)));
}

/// What a page says, in three voices, and the files that it carries in itself.
#[derive(Default)]
struct Page {
    visible: String,
    hidden: String,
    /// Alternative texts and titles: shown, but not in line with the words around them.
    aside: String,
    /// Where its links lead to and its pictures lie, one a line. Nothing is fetched.
    links: String,
    has_deceptive_link: bool,
    files: Vec<Vec<u8>>,
}

impl Page {
    /// Comments are read as HTML themselves, since some readers show what stands in a conditional one, and so is
    /// `<noscript>`, since no reader of mail runs scripts; those inside of them are read as text.
    fn of(markup: &str, is_outermost: bool) -> Self {
        Self::walked(markup, is_outermost, true)
    }

    /// In XML an element may end with its start tag, and no element turns what is in it into plain text: `<style/>` hides nothing.
    fn of_drawing(markup: &str) -> Self {
        Self::walked(markup, true, false)
    }

    fn walked(markup: &str, is_outermost: bool, has_plain_text: bool) -> Self {
        let mut walk = Walk { is_outermost, ..Walk::default() };
        let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| walk.take(&event));
        emitter.naively_switch_states(has_plain_text);
        let Ok(()) = Tokenizer::new_with_emitter(markup, Lenient(emitter)).finish();
        walk.page
    }

    fn visible_text(&self) -> String {
        format!("{}\n{}", self.visible, self.aside)
    }
}

#[derive(Default)]
struct Walk {
    page: Page,
    open: Vec<Open>,
    /// The start tag that is being read.
    start: Option<Open>,
    /// The name of the attribute that is being read.
    attribute: String,
    /// Where the link that is open leads to, and where in the visible text it began.
    link: Option<(String, usize)>,
    /// A sheet may lay a class on any colour.
    has_sheet: bool,
    is_outermost: bool,
}

struct Open {
    name: Box<str>,
    unseen: Unseen,
}

impl Walk {
    fn take(&mut self, event: &CallbackEvent<'_>) -> Option<Infallible> {
        match event {
            CallbackEvent::OpenStartTag { name } => self.start_tag(&text_of(name)),
            CallbackEvent::AttributeName { name } => self.attribute_name(&text_of(name)),
            CallbackEvent::AttributeValue { value } => self.attribute_value(&text_of(value)),
            CallbackEvent::CloseStartTag { self_closing } => self.started(*self_closing),
            CallbackEvent::EndTag { name } => self.end_tag(&text_of(name)),
            CallbackEvent::String { value } => self.text(&shown(text_of(value))),
            CallbackEvent::Comment { value } => self.comment(&shown(text_of(value))),
            CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => {}
        }
        None
    }

    fn start_tag(&mut self, name: &str) {
        if closes_its_own_kind(name) && self.open.last().is_some_and(|open| &*open.name == name) {
            self.open.pop();
        }
        self.start = Some(Open { name: name.into(), unseen: self.unseen() });
    }

    fn attribute_name(&mut self, name: &str) {
        self.attribute.clear();
        self.attribute.push_str(name);
        if let (Some(start), "hidden") = (&mut self.start, name) {
            start.unseen.hide();
        }
    }

    /// Those of end tags mean nothing.
    fn attribute_value(&mut self, value: &str) {
        let Some(start) = &mut self.start else { return };
        // In a drawing `href` may belong to a name space, under whatever prefix.
        let name = self.attribute.rsplit(':').next().unwrap_or_default();
        match name {
            "style" => {
                start.unseen.apply(value);
                data_uri::in_style(value, &mut self.page.files);
            }
            "href" if &*start.name == "a" || &*start.name == "area" => {
                data_uri::whole(value, &mut self.page.files);
                link(&mut self.page.links, value);
                self.link = Some((value.to_owned(), self.page.visible.len()));
            }
            "bgcolor" => start.unseen.lay_on(value),
            "color" | "text" => start.unseen.write_in(value),
            "class" | "id" if self.has_sheet => start.unseen.lay_on_unknown(),
            "action" if &*start.name == "form" => link(&mut self.page.links, value),
            "src" | "href" | "background" | "poster" | "data" => {
                if name == "background" {
                    start.unseen.lay_on_unknown();
                }
                if name != "href" {
                    remote(&mut self.page.links, value);
                }
                data_uri::whole(value, &mut self.page.files);
            }
            "srcset" => {
                for word in value.split_whitespace() {
                    remote(&mut self.page.links, word);
                    data_uri::whole(word, &mut self.page.files);
                }
            }
            "alt" | "title" | "placeholder" | "aria-label" | "value" | "summary" => {
                collapse(&mut self.page.aside, value);
                part(&mut self.page.aside, '\n');
            }
            // `fill`, `mask`, `to`, `values` and whatever else may hold a picture.
            _ => data_uri::in_style(value, &mut self.page.files),
        }
    }

    fn started(&mut self, self_closing: bool) {
        let Some(start) = self.start.take() else { return };
        if let Some(space) = space_around(&start.name) {
            part(self.voice(start.unseen), space);
        }
        if !is_void(&start.name) && !self_closing {
            self.open.push(start);
        }
    }

    fn end_tag(&mut self, name: &str) {
        if name == "a"
            && let Some((target, from)) = self.link.take()
        {
            self.page.has_deceptive_link |= self.page.visible.get(from..).is_some_and(|text| link::deceives(text, &target));
        }
        let within = self.open.len().saturating_sub(REACH);
        let found = self.open[within..].iter().rposition(|open| &*open.name == name);
        let unseen = found.map_or_else(|| self.unseen(), |found| self.open[within + found].unseen);
        if let Some(space) = space_around(name) {
            part(self.voice(unseen), space);
        }
        if let Some(found) = found {
            self.open.truncate(within + found);
            if unseen.is_unseen() && !self.unseen().is_unseen() {
                part(&mut self.page.hidden, '\n');
            }
        }
    }

    fn text(&mut self, text: &str) {
        match self.open.last().map(|open| &*open.name) {
            Some("style") => {
                self.has_sheet = true;
                data_uri::in_style(text, &mut self.page.files);
            }
            Some("script") => collapse(&mut self.page.hidden, text),
            Some("noscript") if self.is_outermost => self.markup_within(text, self.unseen()),
            _ => {
                let unseen = self.unseen();
                collapse(self.voice(unseen), text);
            }
        }
    }

    fn comment(&mut self, text: &str) {
        if !self.is_outermost {
            return;
        }
        part(&mut self.page.hidden, '\n');
        if text.contains('<') {
            self.markup_within(text, Unseen::hidden());
        } else {
            collapse(&mut self.page.hidden, text);
        }
        part(&mut self.page.hidden, '\n');
    }

    fn markup_within(&mut self, markup: &str, unseen: Unseen) {
        let mut inner = Page::of(markup, false);
        collapse(self.voice(unseen), &inner.visible_text());
        if !inner.hidden.is_empty() {
            part(&mut self.page.hidden, '\n');
            collapse(&mut self.page.hidden, &inner.hidden);
        }
        self.page.links.push_str(&inner.links);
        self.page.has_deceptive_link |= inner.has_deceptive_link;
        self.page.files.append(&mut inner.files);
    }

    fn unseen(&self) -> Unseen {
        self.open.last().map_or_else(Unseen::default, |open| open.unseen)
    }

    fn voice(&mut self, unseen: Unseen) -> &mut String {
        if unseen.is_unseen() { &mut self.page.hidden } else { &mut self.page.visible }
    }
}

/// Adds text as HTML shows it: any run of white space is one space.
fn collapse(out: &mut String, text: &str) {
    let mut words = text.split_ascii_whitespace();
    if text.starts_with(|c: char| c.is_ascii_whitespace()) {
        part(out, ' ');
    }
    let Some(first) = words.next() else { return };
    out.push_str(first);
    for word in words {
        out.push(' ');
        out.push_str(word);
    }
    if text.ends_with(|c: char| c.is_ascii_whitespace()) {
        part(out, ' ');
    }
}

/// A place within the page leads nowhere, and a file in the page is read as one.
fn link(out: &mut String, target: &str) {
    let target = target.trim_ascii();
    let is_file = target.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    if !target.is_empty() && !target.starts_with('#') && !is_file {
        collapse(out, target);
        part(out, '\n');
    }
}

/// A picture that lies elsewhere.
fn remote(out: &mut String, target: &str) {
    let is_remote = |scheme: &str| target.trim_ascii_start().get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    if ["http:", "https:", "//"].into_iter().any(is_remote) {
        link(out, target);
    }
}

/// Sets what comes apart from what was, once.
fn part(out: &mut String, space: char) {
    if space == '\n' && out.ends_with(' ') {
        out.pop();
    }
    if !out.is_empty() && !out.ends_with([' ', '\n']) {
        out.push(space);
    }
}

/// What the tokenizer hands out is text as it was given in.
fn text_of(octets: &[u8]) -> Cow<'_, str> {
    str::from_utf8(octets).map_or_else(|_| String::from_utf8_lossy(octets), Cow::Borrowed)
}

/// No reader shows a NUL.
fn shown(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(markup: &str) -> Page {
        Page::of(markup, true)
    }

    #[test]
    fn tags_inside_a_word_do_not_break_it_and_lines_and_cells_do() {
        assert_eq!(page("am<b>be</b>r<!-- x --><span></span>s").visible, "ambers");
        assert_eq!(page("<p>amber<p>heron<br>wren").visible, "amber\nheron\nwren");
        assert_eq!(page("<table><tr><td>amber<td>heron</tr><tr><td>wren</table>").visible, "amber heron\nwren\n");
        assert_eq!(page("amber &amp;\n\n   heron&#33;").visible, "amber & heron!");
    }

    #[test]
    fn what_a_reader_does_not_see_is_kept_apart() {
        for hidden in [
            "<span style='display : NONE'>heron</span>",
            "<div style='visibility:hidden'>heron</div>",
            "<font style=\"font-size:0.0px\">heron</font>",
            "<i hidden>heron</i>",
            "<!-- heron -->",
            "<!--[if mso]><p>heron</p><![endif]-->",
            "<div style=display:none><div>heron</div></div>",
            "<p hidden>heron<p>",
        ] {
            let page = page(&format!("am{hidden}ber"));
            assert_eq!(page.visible.replace('\n', ""), "amber", "{hidden}");
            assert!(page.hidden.contains("heron"), "{hidden}");
        }
    }

    #[test]
    fn a_size_of_nothing_ends_where_another_size_begins() {
        let page = page("<div style='font-size:0'><span style='font-size:13px'>amber</span>heron</div>");
        assert_eq!(page.visible.trim(), "amber");
        assert_eq!(page.hidden.trim(), "heron");
    }

    #[test]
    fn words_shown_in_place_of_pictures_are_read() {
        let page = page("am<img alt='a heron' src='https://pictures.example/1.png' title=wren>ber");
        assert_eq!(page.visible_text().trim(), "amber\na heron\nwren");
        assert!(page.files.is_empty(), "nothing is fetched");
        assert_eq!(page.links, "https://pictures.example/1.png\n");
    }

    #[test]
    fn a_link_that_shows_another_address_than_it_leads_to_is_noted() {
        assert!(page("<a href='https://heron.example'>www.<b>bank</b>.example</a>").has_deceptive_link);
        assert!(!page("<a href='https://heron.example'>our page</a> www.bank.example").has_deceptive_link);
    }

    #[test]
    fn text_on_its_own_colour_is_not_seen() {
        for hidden in [
            "<font color=white>heron</font>",
            "<table bgcolor='#000000'><td style='color:black'>heron</td></table>",
            "<div style='background:#eee'><span style='color:rgb(238,238,238)'>heron</span></div>",
            "<div style='position:absolute;left:-9999px'><b>heron</b></div>",
        ] {
            let page = page(&format!("am{hidden}ber"));
            assert!(page.hidden.contains("heron") && !page.visible.contains("heron"), "{hidden}");
        }
        for seen in [
            "<body bgcolor=black><font color=white>heron</font>",
            "<style>.a{background:navy}</style><div class=a><font color=white>heron</font></div>",
            "<td background='https://pictures.example/a.png'><font color=white>heron</font></td>",
        ] {
            assert!(page(seen).visible.contains("heron"), "{seen}");
        }
    }

    #[test]
    fn links_and_pictures_that_only_some_readers_show_are_read_too() {
        let inside = "<a href='https://heron.example'>bank.example</a><img src='https://pictures.example/1.png'>";
        for around in [["<!--[if mso]>", "<![endif]-->"], ["<noscript>", "</noscript>"]] {
            let page = page(&around.join(inside));
            assert_eq!(page.links, "https://heron.example\nhttps://pictures.example/1.png\n", "{around:?}");
            assert!(page.has_deceptive_link, "{around:?}");
        }
    }

    #[test]
    fn where_links_lead_to_is_read_apart() {
        let page = page(
            "<a href=' https://heron.example/a '>b</a><a href='#top'>c</a><a href='data:,x'>d</a><form action='/e'><link href='f.css'>",
        );
        assert_eq!((page.links.as_str(), page.visible.trim()), ("https://heron.example/a\n/e\n", "bcd"));
    }

    #[test]
    fn pictures_inside_the_page_are_files() {
        let page = page(
            "<img src=' data:image/png;base64,aGVy\nb24='><p style=\"background:url('data:,wr%65n')\"><style>a{b:url(data:;base64,YW1iZXI=)}</style>",
        );
        assert_eq!(page.files, [b"heron".to_vec(), b"wren".to_vec(), b"amber".to_vec()]);
    }

    #[test]
    fn pictures_inside_a_drawing_are_files_wherever_they_stand() {
        let drawing = |inside: &str| {
            let xml = format!("<svg xmlns='http://www.w3.org/2000/svg' xmlns:x='http://www.w3.org/1999/xlink'>{inside}</svg>");
            let (markup, is_whole) = xml::as_page(&xml);
            assert!(is_whole);
            Page::of_drawing(&markup)
        };
        for inside in [
            "<image xlink:href='data:image/png;base64,aGVyb24='/>",
            "<image href='data:image/png;base64,aGVyb24='/>",
            "<image x:href='data:image/png;base64,aGVyb24='></image>",
            "<feImage href='data:,heron'/>",
            "<g style='fill:red;background:url(data:image/png;base64,aGVyb24=)'/>",
            "<rect fill='url(data:,heron)'/>",
            "<set attributeName='href' to='data:image/png;base64,aGVyb24='/>",
            "<style>.a{background:url(&quot;data:,heron&quot;)}</style>",
            "<style><![CDATA[ .a > .b {background:url(data:;base64,aGVyb24=)} ]]></style>",
            "<style/><script/><title/><image href='data:,heron'/>",
            "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'><img src='data:,heron'/></body></foreignObject>",
            "<foreignObject><p style=\"background:url('data:,heron')\">a</p></foreignObject>",
        ] {
            assert_eq!(drawing(inside).files, [b"heron".to_vec()], "{inside}");
        }
        assert!(drawing("<image href='https://pictures.example/1.png'/>").files.is_empty(), "nothing is fetched");
        assert_eq!(drawing("<title>amber</title><text>wren</text>").visible.trim(), "amber\nwren");
    }

    #[test]
    fn what_readers_without_scripts_see_is_seen() {
        assert_eq!(page("am<noscript>b<b>e</b>r<img alt=heron></noscript>wren").visible, "amber heron wren");
    }

    #[test]
    fn a_nul_inside_a_word_is_not_seen() {
        assert_eq!(page("am\0ber").visible, "amber");
    }

    #[test]
    fn a_tag_of_a_million_attributes_is_read_like_any_other() {
        let markup = format!("<p {}>amber", "a=b ".repeat(1_000_000));
        assert_eq!(page(&markup).visible, "amber");
    }

    #[test]
    fn deep_nesting_and_stray_end_tags_take_linear_time() {
        let markup = "<div>".repeat(100_000) + &"</b>".repeat(100_000) + "amber" + &"</div>".repeat(100_000);
        assert_eq!(page(&markup).visible.trim(), "amber");
    }
}
