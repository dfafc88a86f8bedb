import Faults

/// What an export asks while it writes: whether it should go on.
///
/// - Throws: `interrupted` where it should not; what was written is then removed.
public typealias ExportCheck = () throws(Fault) -> Void
