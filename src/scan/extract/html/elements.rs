//! What kinds of elements there are.

/// The elements that a reader sees on a line or in a cell of their own. All others run on: `ki<b>nd</b>`.
pub fn space_around(name: &str) -> Option<char> {
    match name {
        "address" | "article" | "aside" | "blockquote" | "body" | "br" | "caption" | "center" | "dd" | "details" | "dialog" | "dir"
        | "div" | "dl" | "dt" | "fieldset" | "figcaption" | "figure" | "footer" | "form" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6"
        | "head" | "header" | "hr" | "html" | "legend" | "li" | "main" | "menu" | "nav" | "ol" | "optgroup" | "option" | "p"
        | "plaintext" | "pre" | "section" | "select" | "summary" | "table" | "tbody" | "textarea" | "tfoot" | "thead" | "title" | "tr"
        | "ul" | "xmp" => Some('\n'),
        "button" | "iframe" | "input" | "object" | "td" | "th" | "video" => Some(' '),
        _ => None,
    }
}

/// Elements whose start tag ends an open one of the same name.
pub fn closes_its_own_kind(name: &str) -> bool {
    matches!(name, "dd" | "dt" | "li" | "option" | "p" | "td" | "th" | "tr")
}

/// Elements that cannot hold anything (HTML, 13.1.2).
pub fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "basefont"
            | "bgsound"
            | "br"
            | "col"
            | "embed"
            | "frame"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}
