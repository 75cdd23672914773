//! Which statements of a batch are run as one.

use crate::statements::Statement;
use crate::value::Write;

/// Statements of one kind that are run as one, by their places. A kind stands where its first statement does: what comes before
/// others of its commit then are inserts of what nothing before them touches (`Write::or_fail`, events).
pub(crate) fn grouped(writes: &[&Write], may_be: impl Fn(Statement) -> bool) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::with_capacity(writes.len());
    let mut kinds: Vec<(Statement, usize)> = Vec::new();
    for (place, write) in writes.iter().enumerate() {
        let known = kinds.iter().find(|(kind, _)| *kind == write.statement);
        if let Some(group) = known.and_then(|(_, at)| groups.get_mut(*at)) {
            group.push(place);
            continue;
        }
        if may_be(write.statement) {
            kinds.push((write.statement, groups.len()));
        }
        groups.push(vec![place]);
    }
    groups
}
