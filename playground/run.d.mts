import type { Server } from 'node:http'
export declare function buildPlayground(): Promise<string>
export declare function servePlayground(port?: number): Promise<Server>
