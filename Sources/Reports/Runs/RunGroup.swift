/// Runs that differ in nothing that a user chose but the seed: one recipe, one calibration text, evaluated on one text.
///
/// Two runs of one group with the same seed are a repeat: they count once for the spread over seeds, with their mean.
struct RunGroup {
    struct Member: Equatable {
        var name: String
        var seed: String
        /// A perplexity that is a number.
        var value: Double?
    }

    /// Method, sparsity and pattern, and what tells it from other settings of the same three.
    var setting: String
    var sources: String
    var members: [Member] = []
    /// Whether its runs are on several calibration texts.
    var isOfAllTexts = false
    /// The setting's own: two settings can have the same words.
    var number = 0

    /// Seeds in the order in which they first appear, each with how many runs have it.
    var seeds: [(seed: String, count: Int)] {
        var seeds: [(seed: String, count: Int)] = []
        for member in members {
            if let place = seeds.firstIndex(where: { $0.seed == member.seed }) {
                seeds[place].count += 1
            } else {
                seeds.append((member.seed, 1))
            }
        }
        return seeds
    }

    /// Whether a seed was run more than once. On several texts that is no repeat.
    var hasRepeats: Bool { !isOfAllTexts && seeds.contains { $0.count > 1 } }

    /// Perplexities, repeats counted once; those on several texts one by one.
    var values: [Double] {
        if isOfAllTexts { return members.compactMap(\.value) }
        return seeds.compactMap { seed, _ in
            let values = members.filter { $0.seed == seed }.compactMap(\.value)
            return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
        }
    }

    var mean: Double { values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count) }

    /// Of the sample; not a number for fewer than two.
    var deviation: Double {
        guard values.count > 1 else { return .nan }
        let mean = mean
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }

    /// What two runs must share to be of one group. A run without a recipe that can be read is a group of its own.
    private struct Key: Equatable {
        var recipe: [PublishedRun.Choice]
        /// Of the calibration.
        var texts: [PublishedRun.Source]
        /// The text of the evaluation.
        var text: PublishedRun.Text.Identity?
        /// Of the training after pruning.
        var recovery: [String]
        /// Of a run without a recipe.
        var lonely: Int?
    }

    /// In the order in which they first appear. Groups on several texts of one setting are followed by one of them all.
    static func groups(_ runs: [PublishedRun], _ text: (PublishedRun) -> PublishedRun.Text?) -> [RunGroup] {
        var groups: [(key: Key, base: String, group: RunGroup)] = []
        for (index, run) in runs.enumerated() {
            let sources = run.sources.isEmpty ? "no calibration text" : run.sources.joined(separator: ", ")
            let key = Key(
                recipe: run.choices ?? [], texts: run.sourceTexts, text: text(run)?.identity,
                recovery: run.recovery?.setting ?? [], lonely: run.choices == nil ? index : nil)
            let value = text(run)?.perplexity.flatMap { $0.isFinite && $0 < 1e100 ? $0 : nil }
            let member = Member(name: run.name, seed: run.seed.map(String.init) ?? "–", value: value)
            if let place = groups.firstIndex(where: { $0.key == key }) {
                groups[place].group.members.append(member)
            } else {
                let base = "\(run.title) \(Figure.percent(run.asked)), \(run.pattern)"
                groups.append((key, base, RunGroup(setting: base, sources: sources, members: [member])))
            }
        }
        for (base, members) in Dictionary(grouping: groups.indices, by: { groups[$0].base }) where members.count > 1 {
            let keys = members.map { groups[$0].key }
            let names = differingKeys(keys.compactMap { $0.lonely == nil ? $0.recipe : nil })
            let hasTexts = Set(keys.map { $0.text?.name }).count > 1
            for index in members {
                groups[index].group.setting = base + difference(groups[index].key, names, hasTexts: hasTexts)
            }
        }
        return withSums(groups.map { ($0.key, $0.group) })
    }

    private static func withSums(_ groups: [(key: Key, group: RunGroup)]) -> [RunGroup] {
        func isSame(_ a: Key, _ b: Key) -> Bool {
            a.recipe == b.recipe && a.text == b.text && a.recovery == b.recovery && a.lonely == b.lonely
        }
        var result: [RunGroup] = []
        var seen: [Key] = []
        for (key, _) in groups where !seen.contains(where: { isSame($0, key) }) {
            var same = groups.filter { isSame($0.key, key) }.map(\.group)
            for index in same.indices { same[index].number = seen.count }
            seen.append(key)
            result += same
            guard same.count > 1 else { continue }
            result.append(
                RunGroup(
                    setting: same[0].setting, sources: "all \(same.count) texts", members: same.flatMap(\.members),
                    isOfAllTexts: true, number: same[0].number))
        }
        return result
    }

    /// At most this many keys are named.
    private static let most = 3

    /// The keys that do not have one value in all recipes, in the order of the recipes.
    private static func differingKeys(_ recipes: [[PublishedRun.Choice]]) -> [String] {
        var values: [String: Set<String>] = [:]
        var (order, counts): ([String], [String: Int]) = ([], [:])
        for choice in recipes.joined() {
            if values[choice.key] == nil { order.append(choice.key) }
            values[choice.key, default: []].insert(choice.value)
            counts[choice.key, default: 0] += 1
        }
        return order.filter { values[$0]?.count != 1 || counts[$0] != recipes.count }
    }

    /// By what a setting differs from others of the same method, sparsity and pattern: ", uniform true".
    private static func difference(_ key: Key, _ names: [String], hasTexts: Bool) -> String {
        guard key.lonely == nil else { return ", recipe not known" }
        var parts = names.prefix(most).map { name in
            let value = key.recipe.first { $0.key == name }?.value ?? "by default"
            return "\(name.split(separator: ".").last ?? "") \(value)"
        }
        if names.count > most { parts.append("\(names.count - most) more") }
        if hasTexts, let text = key.text { parts.append("on \(text.name)") }
        return parts.map { ", " + $0 }.joined()
    }
}
