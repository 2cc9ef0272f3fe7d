#!/usr/bin/env python3
"""forward.py LISTEN PORT: hands every connection to 127.0.0.1:PORT, bytes for bytes. When one side ends, or is cut off, so is the other."""

import asyncio
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass


async def serve(reader, writer):
    try:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    except OSError:
        # Nobody listens yet: whoever asks sees a connection that ends at once.
        writer.transport.abort()
        return
    ways = [asyncio.create_task(pump(reader, inner_writer)), asyncio.create_task(pump(inner_reader, writer))]
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in ways:
        way.cancel()
    for side in (writer, inner_writer):
        side.close()


async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


asyncio.run(main())
