import Recipes
import Testing

@Suite("Writing a recipe")
struct RecipeWritingTests {
    @Test("the text is canonical and reads back to an equal recipe")
    func canonicalText() throws {
        let recipe = try PruneRecipe(
            yaml:
                "regional: {learning_rate: 0.0000003}\nversion: 1\npattern: 2:4\ncalibration: {sources: [a.txt@2]}\nsparsity: 50%\nignore: []\n"
        )
        let text = recipe.yaml()
        #expect(
            text == """
                version: 1
                sparsity: 0.5
                pattern: "2:4"
                calibration:
                  sources:
                    - a.txt@2
                regional:
                  learning_rate: 3e-07
                ignore: []

                """)
        #expect(try PruneRecipe(yaml: text).yaml() == text)
    }

    @Test(
        "any path survives",
        arguments: [
            "true", "No", "12", "1e3", "~", "null", "a: b", "a #b", "- a", "*x", "&x", "é/日本/🙂",
            "\u{85}\u{2028}\u{FEFF}", "tab\there",
            "line\nbreak", "\"q\" 'q' \\", " space ", "C:\\x", "[a]", "{a}", "%x", "@x", "`x", "\u{1B}[31m", "\u{9F}",
            "./a", "..",
        ])
    func anyPath(path: String) throws {
        var recipe = PruneRecipe()
        recipe.model = path
        recipe.targets = [path, "x"]
        let back = try PruneRecipe(yaml: recipe.yaml())
        #expect(back.model.map { Array($0.utf8) } == Array(path.utf8))
        #expect(back == recipe)
    }

    @Test("the settings of a run, written as a recipe, resolve to the same settings")
    func settingsRoundTrip() throws {
        for flags in [
            Flags(method: "wanda++", pattern: .keep(4, of: 8)), Flags(method: "magnitude", pattern: .unstructured),
        ] {
            var recipe = PruneRecipe()
            recipe.model = "m"
            recipe.output = "o"
            recipe.method = flags.method
            recipe.pattern = flags.pattern
            recipe.calibration = ["self"]
            recipe.samples = 8
            let settings = try recipe.resolved()
            let again = try PruneRecipe(yaml: settings.recipe().yaml()).resolved()
            #expect(again == settings)
        }
    }

    @Test("so do those of a uniform run of tyr, which resume reads back")
    func uniformRoundTrip() throws {
        for effort in [Effort.quick, .paper] {
            var recipe = PruneRecipe()
            recipe.model = "m"
            recipe.output = "o"
            recipe.method = "tyr"
            recipe.effort = effort
            recipe.isUniform = true
            recipe.calibration = ["a.jsonl"]
            recipe.textField = "body"
            recipe.evaluation = ["test.txt"]
            let settings = try recipe.resolved()
            #expect(try PruneRecipe(yaml: settings.recipe().yaml()).resolved() == settings)
        }
    }

    private struct Flags {
        var method: String
        var pattern: PatternChoice
    }
}
