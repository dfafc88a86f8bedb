import Recipes
import Records

/// The Python that an exported folder brings along. Its reader runs it when it is told `trust_remote_code`.
enum FolderCode {
    /// A file's name as Python imports it.
    static func module(_ file: String) -> String { String(file.dropLast(".py".count)) }

    /// - Parameter family: `model_type` of the model.
    /// - Returns: the files by name; none for a layout or a family without.
    static func files(_ layout: ServingLayout, family: String) -> [(name: String, text: String)] {
        guard let names = FolderConfiguration.families[family] else { return [] }
        func filled(_ template: String) -> String {
            var text = template
            for (mark, value) in [
                ("{Family}", names.prefix), ("{Config}", names.configuration), ("{module}", names.module),
                ("{Model}", family == "gemma3_text" ? "Gemma3TextModel" : names.prefix + "Model"),
            ] { text = text.split(separator: mark, omittingEmptySubsequences: false).joined(separator: value) }
            return text
        }
        switch layout {
        case .deci: return [(PublishedFile.deciCode, deci)]
        case .transformers:
            return [
                (PublishedFile.configurationCode, filled(configuration)), (PublishedFile.modelCode, filled(model)),
            ]
        case .plain, .gguf, .padded: return []
        }
    }

    private static let deci = """
        # Written by espalier. vLLM and SGLang compute the model with code of their own; what they lack is a
        # configuration of model_type nemotron-nas whose block_configs answer to attributes.
        from transformers import LlamaConfig


        class Entry(dict):
            def __getattr__(self, name):
                if name in self:
                    return self[name]
                raise AttributeError(name)


        class DeciConfig(LlamaConfig):
            model_type = "nemotron-nas"

            def __init__(self, block_configs=None, **values):
                super().__init__(**values)
                self.block_configs = [
                    Entry({part: Entry(value) for part, value in block.items()}) for block in block_configs or []
                ]

        """

    private static let configuration = """
        # Written by espalier: {Family} with a number of heads and a width of its own for every layer.
        import copy

        from transformers.models.{module}.configuration_{module} import {Config}


        class EspalierConfig({Config}):
            model_type = "espalier"

            def __init__(self, espalier=None, **values):
                super().__init__(**values)
                self.espalier = espalier or {}

            def of_layer(self, index):
                config = copy.copy(self)
                for key, value in self.espalier["layers"][index].items():
                    setattr(config, key, value)
                return config

        """

    private static let model = """
        # Written by espalier: {Family} with a number of heads and a width of its own for every layer.
        from torch import nn
        from transformers.models.{module} import modeling_{module} as family

        from .configuration_espalier import EspalierConfig


        def layer_of(config, index):
            layer = family.{Family}DecoderLayer(config.of_layer(index), index)
            # Sizes are built in; what changes later, such as the attention's implementation, is told to one for all.
            for module in layer.modules():
                if hasattr(module, "config"):
                    module.config = config
            return layer


        class EspalierModel(family.{Model}):
            config_class = EspalierConfig
            config: EspalierConfig

            def __init__(self, config):
                super().__init__(config)
                self.layers = nn.ModuleList(layer_of(config, index) for index in range(config.num_hidden_layers))
                self.post_init()


        class EspalierForCausalLM(family.{Family}ForCausalLM):
            config_class = EspalierConfig
            config: EspalierConfig

            def __init__(self, config):
                super().__init__(config)
                self.model = EspalierModel(config)
                self.post_init()

        """
}
