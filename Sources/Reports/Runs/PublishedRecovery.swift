import Faults
import Files
import Gate
import JSONText
import Recipes
import Records

/// What a published folder tells of the training after pruning: `recovery.json`, and `recovery.yaml` and
/// `recovery-cost.json` where they are there.
public struct PublishedRecovery: Equatable, Sendable {
    public var losses: RecoveryLosses
    /// Where the model was that was trained; nil without a recipe that can be read.
    public var model: String?
    /// Nil where nobody kept it.
    public var cost: RecoveryCost?

    /// What two runs must share to be the same but for chance.
    var setting: [String] {
        [losses.loss, losses.turns ?? "all", losses.trained, "\(losses.steps)", "\(losses.tokens)"]
    }

    /// Nil for a folder without `recovery.json`.
    ///
    /// - Throws: `badData` for files that no recovery wrote, `notComparable` for the cost of another one.
    init?(folder: String) throws(Fault) {
        let path = FileSystem.joined(folder, PublishedFile.recovery)
        guard let object = try PublishedFiles.document(path) else { return nil }
        losses = try RecoveryLosses(object, file: path)
        guard losses.heldOut.count <= PublishedRun.most else {
            throw Fault(
                .badData, "there are more checks than a page can show", file: path, found: "\(losses.heldOut.count)",
                expected: "at most \(PublishedRun.most)")
        }
        let recipe = FileSystem.joined(folder, PublishedFile.recoveryRecipe)
        if FileSystem.existsUnfollowed(recipe) { model = (try? RecoverRecipe(contentsOf: recipe))?.model }
        let file = FileSystem.joined(folder, RecoveryCost.fileName)
        guard let document = try PublishedFiles.document(file) else { return }
        let cost = try RecoveryCost(document, file: file)
        guard try RecoveryLosses(document, file: file) == losses else {
            throw Fault(
                .notComparable, "the file is about another recovery than the folder's", file: file,
                expected: "what the run of this folder printed with --json, or wrote with --results",
                advice: "remove it, or repeat `espalier recover` with --results")
        }
        self.cost = cost
    }
}
