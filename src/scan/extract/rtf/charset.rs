//! The numbers that Windows has for charsets.

/// The charset of a code page of Windows.
pub fn codepage(number: i64) -> Option<&'static str> {
    Some(match number {
        437 | 850 | 1252 | 819 => "windows-1252",
        866 => "ibm866",
        874 => "windows-874",
        932 => "shift_jis",
        936 => "gbk",
        949 => "euc-kr",
        950 => "big5",
        1250 => "windows-1250",
        1251 => "windows-1251",
        1253 => "windows-1253",
        1254 => "windows-1254",
        1255 => "windows-1255",
        1256 => "windows-1256",
        1257 => "windows-1257",
        1258 => "windows-1258",
        10_000 => "macintosh",
        65_001 => "utf-8",
        _ => return None,
    })
}

/// Of a font, by the numbers of Windows.
pub fn of_font(number: i64) -> Option<&'static str> {
    codepage(match number {
        0 => 1252,
        77 => 10_000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}
