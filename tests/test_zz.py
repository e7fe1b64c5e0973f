import time, cProfile, pstats, threading
def test_x(client, make):
    c = make.category()
    for path in ("/bills", "/categories"):
        t=time.perf_counter(); p=time.process_time()
        for _ in range(300): client.get(path)
        print(path, (time.perf_counter()-t)/300*1000, (time.process_time()-p)/300*1000)
    t=time.perf_counter(); p=time.process_time()
    for _ in range(300): client.patch(f"/categories/{c['id_key']}", json={})
    print("patch", (time.perf_counter()-t)/300*1000, (time.process_time()-p)/300*1000)
    t=time.perf_counter(); p=time.process_time()
    for _ in range(300): client.post(f"/categories", content=b"")
    print("422", (time.perf_counter()-t)/300*1000, (time.process_time()-p)/300*1000)
    import logging; logging.getLogger("httpx2").setLevel(30)
    t=time.perf_counter(); p=time.process_time()
    for _ in range(300): client.post(f"/categories", content=b"")
    print("422 nolog", (time.perf_counter()-t)/300*1000, (time.process_time()-p)/300*1000)
