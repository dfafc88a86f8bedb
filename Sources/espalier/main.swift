import EspalierCommands

Espalier.start()
