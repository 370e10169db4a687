/** What the user can mend: shown without a stack. */
export class Problem extends Error {}
