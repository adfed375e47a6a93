export class OpenNextNodeResponse {}
