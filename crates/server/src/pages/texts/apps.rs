//! The page of what was allowed.

/// The page of what was allowed.
#[derive(Clone, Copy, Debug)]
pub struct Apps {
    pub title: &'static str,
    pub lead: &'static str,
    pub none: &'static str,
    pub kind_app: &'static str,
    pub kind_device: &'static str,
    pub kind_agent: &'static str,
    pub open: &'static str,
    pub remembered: &'static str,
    pub withdraw: &'static str,
    pub withdraw_all: &'static str,
    pub withdraw_all_text: &'static str,
    pub withdrawn: &'static str,
    pub withdrawn_all: &'static str,
}

/// In English.
pub(super) const ENGLISH: Apps = Apps {
    title: "Applications",
    lead: "What you have allowed, and to whom.",
    none: "You have not allowed anything to anybody.",
    kind_app: "Application",
    kind_device: "Device",
    kind_agent: "Acts for you",
    open: "Open",
    remembered: "May have this again without asking you",
    withdraw: "Withdraw",
    withdraw_all: "Withdraw everything",
    withdraw_all_text: "Every application loses what you have allowed it, and has to ask you again.",
    withdrawn: "You have withdrawn it. The application has no access any more.",
    withdrawn_all: "You have withdrawn everything. No application has access any more.",
};

/// In German.
pub(super) const GERMAN: Apps = Apps {
    title: "Anwendungen",
    lead: "Was Sie erlaubt haben, und wem.",
    none: "Sie haben niemandem etwas erlaubt.",
    kind_app: "Anwendung",
    kind_device: "Gerät",
    kind_agent: "Handelt für Sie",
    open: "Öffnen",
    remembered: "Bekommt das wieder, ohne Sie zu fragen",
    withdraw: "Zurücknehmen",
    withdraw_all: "Alles zurücknehmen",
    withdraw_all_text: "Jede Anwendung verliert, was Sie ihr erlaubt haben, und muss Sie neu fragen.",
    withdrawn: "Sie haben es zurückgenommen. Die Anwendung hat keinen Zugriff mehr.",
    withdrawn_all: "Sie haben alles zurückgenommen. Keine Anwendung hat mehr Zugriff.",
};
