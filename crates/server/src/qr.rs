//! QR codes of addresses: as a picture for pages, as text for terminals.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// The light margin that readers need, in modules (ISO/IEC 18004 §6.3.8).
const QUIET: i32 = 4;

/// A picture in a `data:` URL; `None` if the text is too long for one.
pub fn image(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = code.size() + 2 * QUIET;
    let mut dark = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            write!(dark, "M{} {}h1v1h-1z", x + QUIET, y + QUIET).ok()?;
        }
    }
    Some(format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {side} {side}' \
         shape-rendering='crispEdges'%3E%3Cpath fill='%23fff' d='M0 0h{side}v{side}H0z'/%3E%3Cpath d='{dark}'/%3E%3C/svg%3E"
    ))
}

/// Lines for a terminal, two modules high each. Light modules are drawn, so that it reads on a dark ground; most readers take
/// the reverse too.
pub fn lines(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let edge = -QUIET / 2..code.size() + QUIET / 2;
    let mut lines = String::new();
    for y in edge.clone().step_by(2) {
        for x in edge.clone() {
            // What is outside is light.
            lines.push(match (code.get_module(x, y), code.get_module(x, y + 1)) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            });
        }
        lines.push('\n');
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    // ISO/IEC 18004 §6.3.8.
    #[test]
    fn a_picture_has_the_modules_of_its_code_and_a_margin() {
        let picture = image("https://id.example/device").unwrap();
        let code = QrCode::encode_text("https://id.example/device", QrCodeEcc::Medium).unwrap();
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = dark.filter(|(x, y)| code.get_module(*x, *y)).count();
        assert_eq!(picture.matches("h1v1h-1z").count(), dark);
        assert!(picture.contains("M4 4h1"), "the corner of a finder is dark");
        assert!(!picture.contains('"') && !picture.contains('#') && !picture.contains('<'));
        assert_eq!(image(&"x".repeat(5000)), None);
    }

    #[test]
    fn lines_are_as_wide_as_the_code_and_half_as_high() {
        let lines = lines("https://id.example/device?user_code=WDJB-MJHT").unwrap();
        let widths: Vec<usize> = lines.lines().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]));
        assert!(widths.len() * 2 == widths[0] || widths.len() * 2 == widths[0] + 1);
        assert!(lines.lines().next().unwrap().chars().all(|c| c == '█'));
    }
}
