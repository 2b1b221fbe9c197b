// What a silo learns when it asks for a longer lease of what it shows its devices.
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>Page tables that were lost and live on another silo now.</summary>
/// <param name="Life">Of the log that knows them: another one knows nothing of before.</param>
/// <param name="Last">The number of the last table that was taken over anywhere: to be told the next time.</param>
/// <param name="Elsewhere">Those that were taken over since by other silos.</param>
[GenerateSerializer, Immutable]
public sealed record TakenTables(long Life, long Last, PageTableId[] Elsewhere);
