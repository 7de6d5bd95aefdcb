/** The table: a line for each runtime, with the ways it ran. */
export function compatibilityTable(ran: { where: string; how: string }[]): string
/** The table that the README has. */
export function writtenTable(): string | undefined
