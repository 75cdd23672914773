//! The contrast of the colours.

#[test]
fn every_pair_of_colours_has_the_contrast_of_wcag_aa() {
    let css = crate::pages::assets::find("/assets/firman.css").unwrap().body;
    let (light, dark) = css.split_once("prefers-color-scheme: dark").unwrap();
    // WCAG 2.2 §1.4.3: text 4.5; §1.4.11: borders of controls and the focus ring 3.
    let texts = [("ink", "paper"), ("soft", "paper"), ("soft", "desk"), ("link", "paper"), ("ink", "tint")];
    let marks = [("edge", "paper"), ("alert", "paper"), ("focus", "paper"), ("wax-light", "wax")];
    for palette in [light, dark] {
        for (pairs, least) in [(&texts[..], 4.5), (&marks[..], 3.0)] {
            for (front, back) in pairs {
                let (front_light, back_light) = (luminance(palette, front), luminance(palette, back));
                let ratio = (front_light.max(back_light) + 0.05) / (front_light.min(back_light) + 0.05);
                assert!(ratio >= least, "{front} on {back}: {ratio:.2}");
            }
        }
    }
}

/// Relative luminance (WCAG 2.2) of a custom property.
fn luminance(css: &str, name: &str) -> f64 {
    let (_, rest) = css.split_once(&format!("--{name}: #")).unwrap();
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&rest[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}
