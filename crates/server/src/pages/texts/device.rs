//! The pages that connect a device.

/// The pages that connect a device.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    pub title: &'static str,
    pub lead: &'static str,
    pub code: &'static str,
    pub submit: &'static str,
    pub unknown: &'static str,
    pub phone: &'static str,
    /// What the picture is to a screen reader.
    pub qr: &'static str,
    pub allowed_title: &'static str,
    pub allowed_text: &'static str,
    pub denied_title: &'static str,
    pub denied_text: &'static str,
}

/// In English.
pub(super) const ENGLISH: Device = Device {
    title: "Connect a device",
    lead: "Type the code that your device shows.",
    code: "Code",
    submit: "Continue",
    unknown: "No device waits with this code. Look at it again; if it is right, begin again on the device.",
    phone: "Go on with a telephone",
    qr: "QR code with the address of this page",
    allowed_title: "Your device is connected",
    allowed_text: "It goes on by itself in a few seconds. You may close this page.",
    denied_title: "Your device is not connected",
    denied_text: "It has no access. You may close this page.",
};

/// In German.
pub(super) const GERMAN: Device = Device {
    title: "Ein Gerät verbinden",
    lead: "Geben Sie den Code ein, den Ihr Gerät zeigt.",
    code: "Code",
    submit: "Weiter",
    unknown: "Auf diesen Code wartet kein Gerät. Sehen Sie noch einmal nach; wenn er stimmt, beginnen Sie am Gerät von vorn.",
    phone: "Mit einem Telefon weitermachen",
    qr: "QR-Code mit der Adresse dieser Seite",
    allowed_title: "Ihr Gerät ist verbunden",
    allowed_text: "In wenigen Sekunden geht es dort von selbst weiter. Sie können diese Seite schließen.",
    denied_title: "Ihr Gerät ist nicht verbunden",
    denied_text: "Es hat keinen Zugriff. Sie können diese Seite schließen.",
};
