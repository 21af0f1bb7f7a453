//! Remedies in the words of the workbench: options are fields with their keys as labels, and lists are on the screen.

use crate::model::{Hint, Listing, Place, Remedy, Words};

/// The words of the workbench.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen;

/// A hint as the workbench shows it.
pub(crate) fn on_screen(hint: &Hint) -> String {
    hint.in_words(&Screen)
}

impl Words for Screen {
    fn remedy(&self, remedy: &Remedy) -> String {
        match remedy {
            Remedy::Set(option) => format!("set {option}"),
            Remedy::Clear(option) => format!("clear {option}"),
            Remedy::ClearThis => "clear the field".to_owned(),
            Remedy::Give(what, option) => format!("give {what} as {option}"),
            Remedy::Name(what, option) => format!("name {what} in {option}"),
            Remedy::Option(option) => option.to_string(),
            Remedy::Aside(_) | Remedy::Example(..) | Remedy::OnCommandLine(_) => String::new(),
            Remedy::Target(target) => target.clone(),
            Remedy::GiveOutput(Place::Another) => "give another output".to_owned(),
            Remedy::GiveOutput(Place::AnotherDisk) => "give an output on another disk".to_owned(),
            Remedy::GiveOutput(Place::FileName) => "give a file name".to_owned(),
            Remedy::GiveOutput(Place::Outside) => "give a path outside it".to_owned(),
            Remedy::Force => "set force to replace it".to_owned(),
            Remedy::See(Listing::Types) => "enter on the field".to_owned(),
            Remedy::See(Listing::Budgets) => "the plot".to_owned(),
            Remedy::See(Listing::Tensors) => "Tensors in Models (1)".to_owned(),
            Remedy::Run(command) => format!("`remold {command}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OptionName;

    #[test]
    fn options_are_fields() {
        let cases = [
            (
                Hint::from("Start from the 16-bit model, or ")
                    .then(Remedy::Set(OptionName::ALLOW_REQUANTIZE))
                    .then(" and accept the loss."),
                "Start from the 16-bit model, or set allow_requantize and accept the loss.",
            ),
            (
                Hint::from("Give an importance matrix").then(Remedy::Aside(OptionName::IMATRIX)).then("."),
                "Give an importance matrix.",
            ),
            (
                Hint::from("Leave out the type").then(Remedy::Example("gguf:q8_0", None)).then("."),
                "Leave out the type.",
            ),
            (Hint::from(Remedy::GiveOutput(Place::Another)).then("."), "Give another output."),
            (
                Hint::from(Remedy::Give("one", OptionName::IMATRIX)).then(", or ").then(Remedy::ClearThis).then("."),
                "Give one as imatrix, or clear the field.",
            ),
            (Hint::from(Remedy::Clear(OptionName::NO_FALLBACK)).then(", or wait."), "Clear no_fallback, or wait."),
            (Hint::from(Remedy::See(Listing::Types)).then(" lists them."), "enter on the field lists them."),
            (Hint::from("Give each target its own output."), "Give each target its own output."),
        ];
        for (hint, said) in cases {
            assert_eq!(on_screen(&hint), said);
        }
    }
}
